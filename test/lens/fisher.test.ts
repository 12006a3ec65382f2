import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accumulate } from '../../src/graph/gradients/accumulate';
import { openStudyNetwork } from '../../src/graph/study-network';
import { fimScore } from '../../src/lens/fim-score';
import { fisher } from '../../src/lens/fisher';
import type { LensOutput } from '../../src/lens/lens';
import { GradientSamples } from '../../src/lens/gradients/gradient-samples';
import { placeOf } from '../../src/model/naming';
import { checkParameters } from '../../src/protocol/lens';
import { got } from '../graph/got';
import { convolutionalStudy, networkStudy, run, WITH_ZOO } from './run';
import { slowPasses } from './slow-passes';

const SAMPLES = 3;
const OBJECTIVE = { kind: 'log-likelihood', output: 'logits' } as const;

/** Squares of the gradients of single samples, each from a run of its own, by tensor of the base. */
async function slowFisher(task: string): Promise<Map<string, { sum: number; squares: number; max: number }>> {
  const study = await networkStudy([task]);
  const network = got(await openStudyNetwork(study, { samples: SAMPLES, seed: 0 }));
  const vector = study.tasks[0] ?? null;
  const samples = got(await network.samplesOf(vector));
  const weights = got(await network.weightsOf(vector, new AbortController().signal));
  const { map } = network.network;
  const means = new Map<string, Float64Array>();
  for await (const sample of new GradientSamples(samples, OBJECTIVE, 1)) {
    const one = got(
      await accumulate(map.graph, weights, [sample], { objective: OBJECTIVE, accumulation: 'sum' }),
    );
    for (const { initializer, tensor } of map.placements) {
      const gradient = one.means.get(initializer) ?? new Float64Array();
      const sum = means.get(tensor) ?? new Float64Array(gradient.length);
      gradient.forEach((value, at) => (sum[at] = (sum[at] ?? 0) + (value * value) / SAMPLES));
      means.set(tensor, sum);
    }
  }
  return new Map(
    [...means].map(([tensor, values]) => [
      tensor,
      {
        sum: values.reduce((sum, value) => sum + value, 0),
        squares: values.reduce((sum, value) => sum + value * value, 0),
        max: values.reduce((most, value) => Math.max(most, value), 0),
      },
    ]),
  );
}

test('the Fisher information is the mean of the squares of the gradients of single samples', async () => {
  const slow = await slowFisher('rot90');
  const ran = await run(fisher, await networkStudy(['rot90']), { samples: SAMPLES });
  const rows = ran.table('tensors');
  assert.deepEqual(Object.keys(rows[0] ?? {}).slice(0, 8), [
    'task',
    'tensor',
    'sum',
    'frobenius',
    'mean',
    'max',
    'samples',
    'standard_error',
  ]);
  assert.equal(rows.length, slow.size);
  for (const row of rows) {
    const expected = slow.get(String(row['tensor']));
    assert.ok(expected);
    assert.equal(row['samples'], SAMPLES);
    if (row['noise'] === true) continue;
    for (const [figure, value] of [
      ['sum', expected.sum],
      ['frobenius', Math.sqrt(expected.squares)],
      ['max', expected.max],
    ] as const) {
      assert.ok(Math.abs(Number(row[figure]) / value - 1) < 1e-4, `${String(row['tensor'])} ${figure}`);
    }
  }
});

test('what is left of a gradient of zero is called rounding: no key bias moves a softmax', async () => {
  const ran = await run(fisher, await networkStudy(['invert']), { samples: SAMPLES });
  const noise = ran.table('tensors').flatMap((row) => (row['noise'] === true ? [String(row['tensor'])] : []));
  assert.equal(noise.length, 6);
  for (const tensor of noise) assert.match(tensor, /key\.bias$/);
});

test('the score of a layer is the sum of the norms of its tensors, and ranks follow the scores', async () => {
  const study = await networkStudy(['rot90']);
  const tensors = (await run(fisher, study, { samples: SAMPLES })).table('tensors');
  const layers = (await run(fimScore, study, { samples: SAMPLES })).table('layers');
  assert.deepEqual(Object.keys(layers[0] ?? {}), ['task', 'layer', 'score', 'rank']);
  for (const { layer, score } of layers) {
    const own = tensors.filter((row) => placeOf(String(row['tensor'])).layer === layer);
    const sum = own.reduce((total, row) => total + Number(row['frobenius']), 0);
    assert.ok(Math.abs(Number(score) / sum - 1) < 1e-9);
  }
  const ordered = layers.toSorted((x, y) => Number(y['score']) - Number(x['score']));
  assert.deepEqual(
    ordered.map((row) => row['rank']),
    ordered.map((_, at) => at + 1),
  );
});

test('without labels the objective about labels says so, and the entropy works', async () => {
  const study = await networkStudy(['rot90']);
  const network = got(await openStudyNetwork(study, { samples: 1, seed: 0 }));
  const samples = got(await network.samplesOf(null));
  const unlabelled = { ...samples, labels: () => Promise.resolve({ ok: true, value: null } as const) };
  const runs = new GradientSamples(unlabelled, OBJECTIVE, 1);
  for await (const sample of runs) assert.ok(sample);
  assert.equal(runs.problem?.code, 'data-labels-missing');
  const ran = await run(fisher, study, { samples: 1, objective: 'entropy' });
  assert.ok(ran.table('tensors').some(({ sum }) => Number(sum) > 0));
});

test('a run that is cancelled ends', async () => {
  const study = await networkStudy(['rot90']);
  const parameters = checkParameters(fisher.description.parameters, { samples: 50 });
  assert.ok(parameters.ok);
  const controller = new AbortController();
  const output = await fisher.run(study, parameters.value, {
    passes: slowPasses(),
    signal: controller.signal,
    memoryBudget: 2 ** 24,
    progress: (_, message) => {
      if (message.includes('sample 2 ')) controller.abort();
    },
    log: () => undefined,
  });
  assert.equal(output.ok ? 'ok' : output.problem.code, 'cancelled');
});

test('what there is after every sample is the lens on these samples, and a precision ends the samples early', async () => {
  const study = await networkStudy(['rot90']);
  const seen = new Map<string, LensOutput>();
  await run(fisher, study, { samples: 4 }, undefined, undefined, (basis, make) => seen.set(basis, make()));
  assert.deepEqual(
    [...seen.keys()],
    [1, 2, 3, 4].map((n) => `${String(n)} of 4 samples`),
  );
  const whole = (await run(fisher, study, { samples: 4 })).table('tensors');
  const last = seen.get('4 of 4 samples')?.artifacts.find(({ id }) => id === 'tensors');
  assert.ok(last?.kind === 'table' && last.rows.length === whole.length);
  last.rows.forEach((row, at) => {
    // Sums are moved into float64 more often on the way.
    assert.ok(Math.abs(Number(row[2]) - Number(whole[at]?.['sum'])) <= 1e-5 * Number(row[2]));
  });
  const early = await run(fisher, study, { samples: 40, precision: 80 });
  const done = Number(early.table('tensors')[0]?.['samples']);
  assert.ok(done >= 16 && done < 40, String(done));
});

test('the ranking of layers refines with the samples, too', async () => {
  const study = await networkStudy(['rot90']);
  const seen: string[] = [];
  await run(fimScore, study, { samples: 2 }, undefined, undefined, (basis, make) => {
    seen.push(
      `${basis}: ${
        make()
          .artifacts.map(({ id }) => id)
          .includes('layers')
          ? 'layers'
          : 'none'
      }`,
    );
  });
  assert.deepEqual(seen, ['1 of 2 samples: layers', '2 of 2 samples: layers']);
});

test(
  'batch normalisations have importances of scale and shift, and none of running averages',
  WITH_ZOO,
  async () => {
    const opened = await convolutionalStudy();
    const ran = await run(fisher, opened, { samples: 2 });
    const names = ran.table('tensors').map(({ tensor }) => String(tensor));
    assert.ok(names.includes('bn1.weight') && names.includes('bn1.bias'), names.join(' '));
    assert.deepEqual(
      names.filter((name) => name.includes('running')),
      [],
    );
  },
);
