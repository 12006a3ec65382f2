import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindWeights } from '../../src/graph/bind/bind-weights';
import { checkpointSource, deltaSource } from '../../src/graph/bind/weight-source';
import { ObjectiveRuns } from '../../src/graph/gradients/objective-runs';
import { openStudyNetwork } from '../../src/graph/study-network';
import { GradientSamples } from '../../src/lens/gradients/gradient-samples';
import { unitImportance } from '../../src/lens/unit-importance';
import { got } from '../graph/got';
import { networkStudy, only, run } from './run';

const OBJECTIVE = { kind: 'log-likelihood', output: 'logits' } as const;
const DOWN = 'vit.encoder.layer.2.output.dense.weight';
const INPUTS = 128;

test('the gradient of a mask is the slope of the loss when all that the unit gives is scaled', async () => {
  const study = await networkStudy(['rot90']);
  const rows = (await run(unitImportance, study, { samples: 16 })).table('units');
  const own = rows.filter((row) => row['tensor'] === DOWN);
  assert.equal(own.length, INPUTS);
  const strongest = own.toSorted(
    (x, y) => Math.abs(Number(y['gradient'])) - Math.abs(Number(x['gradient'])),
  )[0];
  assert.ok(strongest && study.base);
  const unit = Number(strongest['unit']);
  const network = got(await openStudyNetwork(study, { samples: 16, seed: 0 }));
  const samples = got(await network.samplesOf(null));
  const runs = new ObjectiveRuns(network.network.map.graph, OBJECTIVE);
  const source = checkpointSource(study.base);
  const loss = async (share: number) => {
    const weights = await bindWeights(network.network.map, {
      ...source,
      load: async (name) => {
        const loaded = await source.load(name);
        if (!loaded.ok || name !== DOWN) return loaded;
        const value = loaded.value.map((entry, at) => (at % INPUTS === unit ? entry * (1 + share) : entry));
        return { ok: true, value };
      },
    });
    const given = new GradientSamples(samples, OBJECTIVE, 16);
    return -got(await runs.mean(got(weights), given, new AbortController().signal));
  };
  const slope = ((await loss(0.05)) - (await loss(-0.05))) / 0.1;
  await runs.release();
  const found = Number(strongest['gradient']);
  assert.ok(Math.abs(found - slope) <= 0.02 * Math.abs(slope) + 2e-4, `${String(found)}, ${String(slope)}`);
});

test('the forgetting score weighs what a task moved by how much a unit stands out in its layer', async () => {
  const study = await networkStudy(['rot90'], ['clean', 'rot90']);
  const [task] = study.tasks;
  assert.ok(study.base && task);
  const ran = await run(unitImportance, study, { samples: 8 });
  const rows = ran.table('units').filter((row) => row['units'] === 'mlp');
  const source = deltaSource(study.base, task);
  let [weighted, whole] = [0, 0];
  for (const tensor of new Set(rows.map((row) => String(row['tensor'])))) {
    const own = rows.filter((row) => row['tensor'] === tensor);
    const gradients = own.map((row) => Number(row['gradient']));
    const mean = gradients.reduce((sum, value) => sum + value, 0) / own.length;
    const deviation = Math.sqrt(
      gradients.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / own.length,
    );
    const delta = got(await source.load(tensor));
    for (const [unit, gradient] of gradients.entries()) {
      const importance = Math.abs(Math.tanh((gradient - mean) / deviation));
      assert.ok(Math.abs(Number(own[unit]?.['importance']) - importance) < 1e-9);
      for (let at = unit; at < delta.length; at += INPUTS) {
        weighted += importance * (delta[at] ?? NaN) ** 2;
        whole += (delta[at] ?? NaN) ** 2;
      }
    }
  }
  const { forgetting } = only(ran.table('forgetting'), { task: 'rot90', units: 'mlp' });
  assert.ok(Math.abs(Number(forgetting) / (weighted / whole) - 1) < 1e-9);
  assert.equal(ran.matrix('head').columns.length, 4);
});

test('the base alone has important units, and nothing to forget', async () => {
  const ran = await run(unitImportance, await networkStudy([], ['clean']), { samples: 4 });
  assert.equal(ran.table('forgetting').length, 0);
  assert.ok(ran.table('units').length > 0);
});
