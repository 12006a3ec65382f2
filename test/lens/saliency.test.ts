import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindWeights } from '../../src/graph/bind/bind-weights';
import { combinationSource, type WeightSource } from '../../src/graph/bind/weight-source';
import { ObjectiveRuns } from '../../src/graph/gradients/objective-runs';
import { openStudyNetwork } from '../../src/graph/study-network';
import { GradientSamples } from '../../src/lens/gradients/gradient-samples';
import { saliency } from '../../src/lens/saliency';
import { got } from '../graph/got';
import { networkStudy, only, run } from './run';

const OBJECTIVE = { kind: 'log-likelihood', output: 'logits' } as const;
const GIVEN = { samples: 16 };
const OUTPUT = 'vit.encoder.layer.1.attention.output.dense.weight';
const STEP = 0.02;

/** Scales entries of a tensor by `1 + share`. */
function scaled(
  source: WeightSource,
  tensor: string,
  share: number,
  has: (at: number) => boolean,
): WeightSource {
  return {
    ...source,
    load: async (name) => {
      const loaded = await source.load(name);
      if (!loaded.ok || name !== tensor) return loaded;
      const value = loaded.value.map((entry, at) => (has(at) ? entry * (1 + share) : entry));
      return { ok: true, value };
    },
  };
}

/** dL/dm of a factor m on some entries of a tensor, from losses of forward runs alone. */
async function slope(
  cases: readonly { readonly tensor: string; readonly has: (at: number) => boolean }[],
): Promise<number[]> {
  const study = await networkStudy(['rot90']);
  const [task] = study.tasks;
  assert.ok(study.base && task);
  const network = got(await openStudyNetwork(study, { ...GIVEN, seed: 0 }));
  const samples = got(await network.samplesOf(task));
  const runs = new ObjectiveRuns(network.network.map.graph, OBJECTIVE);
  const source = combinationSource(study.base, [{ task, coefficient: 1 }]);
  const signal = new AbortController().signal;
  const slopes: number[] = [];
  for (const { tensor, has } of cases) {
    const loss = async (share: number) => {
      const weights = got(await bindWeights(network.network.map, scaled(source, tensor, share, has)));
      return -got(await runs.mean(weights, new GradientSamples(samples, OBJECTIVE, 16), signal));
    };
    slopes.push(((await loss(STEP)) - (await loss(-STEP))) / (2 * STEP));
  }
  await runs.release();
  return slopes;
}

test('the saliency of a tensor, head and channel is the slope of the loss when it is scaled', async () => {
  const ran = await run(saliency, await networkStudy(['rot90']), GIVEN);
  // Four heads of 16 columns each; a channel is a row of 64 entries.
  const [whole = NaN, head = NaN, channel = NaN] = await slope([
    { tensor: OUTPUT, has: () => true },
    { tensor: OUTPUT, has: (at) => Math.floor((at % 64) / 16) === 2 },
    { tensor: OUTPUT, has: (at) => Math.floor(at / 64) === 5 },
  ]);
  const tensor = only(ran.table('tensors'), { task: 'rot90', tensor: OUTPUT });
  const found = [
    Number(tensor['gradient_weight']),
    Number(only(ran.table('heads'), { layer: 'layer 1', head: 2 })['gradient_weight']),
    Number(only(ran.table('channels'), { tensor: OUTPUT, channel: 5 })['gradient_weight']),
  ];
  for (const [at, wanted] of [whole, head, channel].entries()) {
    const near = 0.02 * Math.abs(wanted) + 2e-4;
    assert.ok(Math.abs((found[at] ?? NaN) - wanted) <= near, `${String(found[at])} is not ${String(wanted)}`);
  }
});

test('shares of SNIP add up to one, heads to their tensor, and Taylor is the square of the sum', async () => {
  const ran = await run(saliency, await networkStudy(['rot90', 'invert']), GIVEN);
  for (const task of ['rot90', 'invert']) {
    const rows = ran.table('tensors').filter((row) => row['task'] === task);
    const share = rows.reduce((sum, row) => sum + Number(row['snip']), 0);
    assert.ok(Math.abs(share - 1) < 1e-4);
    for (const row of rows) {
      if (row['noise'] === true) {
        assert.match(String(row['tensor']), /key\.bias$/);
        assert.deepEqual([row['snip'], row['taylor'], row['quadrant']], [null, null, null]);
      } else assert.equal(row['taylor'], Number(row['gradient_weight']) ** 2);
    }
    const heads = ran.table('heads').filter((row) => row['task'] === task && row['layer'] === 'layer 1');
    const sum = heads.reduce((total, row) => total + Number(row['gradient_weight']), 0);
    const whole = Number(only(rows, { tensor: OUTPUT })['gradient_weight']);
    assert.ok(Math.abs(sum - whole) < 1e-9);
  }
});

test('at the base nothing has moved, so there is no picture of what moved and matters', async () => {
  const ran = await run(saliency, await networkStudy(['rot90']), { samples: 4, at: 'base' });
  assert.ok(ran.artifacts.every(({ kind }) => kind !== 'scatter'));
  assert.ok(ran.table('tensors').every(({ moved, quadrant }) => moved === 0 && quadrant === null));
});
