import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BoundWeights } from '../../src/graph/bind/bind-weights';
import { accumulate } from '../../src/graph/gradients/accumulate';
import { readActivations } from '../../src/graph/network';
import { openStudyNetwork } from '../../src/graph/study-network';
import { numbersOf, tensorValue } from '../../src/graph/tensor-value';
import { GradientSamples } from '../../src/lens/gradients/gradient-samples';
import { taskSharpness } from '../../src/lens/gradients/perturbed-loss';
import { sharpness } from '../../src/lens/sharpness';
import { got } from '../graph/got';
import { networkStudy, only, run } from './run';

const OBJECTIVE = { kind: 'log-likelihood', output: 'logits' } as const;
const SAMPLES = 16;
const signal = new AbortController().signal;

async function opened() {
  const study = await networkStudy(['rot90', 'invert']);
  const network = got(await openStudyNetwork(study, { samples: SAMPLES, seed: 0 }));
  const [first = null] = study.tasks;
  return { study, network, first, samples: got(await network.samplesOf(first)) };
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Mean cross-entropy, from the logits. */
async function lossOf({ network, samples }: Opened, weights: BoundWeights): Promise<number> {
  let loss = 0;
  const labels = got(await samples.labels(0, SAMPLES));
  assert.ok(labels);
  const wanted = numbersOf(labels);
  const options = { values: ['logits'], weights, samples, count: SAMPLES, signal };
  const read = await readActivations(network.network, options, (batch, from, count) => {
    const logits = batch.get('logits');
    assert.ok(logits);
    const values = numbersOf(logits);
    for (let i = 0; i < count; i++) {
      const own = values.subarray(i * 10, i * 10 + 10);
      const all = own.reduce((sum, value) => sum + Math.exp(value), 0);
      loss += (Math.log(all) - (own[wanted[from + i] ?? -1] ?? NaN)) / SAMPLES;
    }
    return true;
  });
  got(read);
  return loss;
}

/** Weights of the graph, moved by `share` of some values in the graph's own layout. */
function moved(weights: BoundWeights, by: ReadonlyMap<string, Float64Array>, share: number): BoundWeights {
  return new Map(
    [...weights].map(([name, weight]) => {
      const step = by.get(name);
      const values = numbersOf(weight).map((value, at) => value + share * (step?.[at] ?? 0));
      return [name, tensorValue(weight.type, weight.shape, values)];
    }),
  );
}

test('the loss rises as it does from logits of the network a step up its gradient', async () => {
  const all = await opened();
  const weights = got(await all.network.weightsOf(all.first, signal));
  const runs = new GradientSamples(all.samples, OBJECTIVE, SAMPLES);
  const { map } = all.network.network;
  const options = { objective: OBJECTIVE, accumulation: 'sum' } as const;
  const { means } = got(await accumulate(map.graph, weights, runs, options));
  const size = Math.sqrt(
    [...means.values()].reduce((sum, mean) => sum + mean.reduce((own, value) => own + value * value, 0), 0),
  );
  const before = await lossOf(all, weights);
  const after = await lossOf(all, moved(weights, means, -0.05 / size));
  const ran = await run(sharpness, all.study, { samples: SAMPLES });
  const row = only(ran.table('tasks'), { task: 'rot90' });
  const near = (actual: unknown, expected: number) =>
    assert.ok(Math.abs(Number(actual) - expected) <= 1e-4 * Math.abs(expected) + 1e-5, String(actual));
  near(row['loss'], before);
  near(row['sharpness'], after - before);
  near(row['gradient_norm'], size);
});

test('along a task vector it is the loss of the base with a share of that task on it', async () => {
  const all = await opened();
  const [, second] = all.study.tasks;
  assert.ok(second);
  const ran = await run(sharpness, all.study, { samples: SAMPLES, at: 'base', rho: 0.5 });
  const base = got(await all.network.weightsOf(null, signal));
  const whole = got(await all.network.weightsOf(second, signal));
  const squares = [...whole].reduce((sum, [name, weight]) => {
    const before = base.get(name);
    assert.ok(before);
    const from = numbersOf(before);
    return sum + numbersOf(weight).reduce((own, value, at) => own + (value - (from[at] ?? NaN)) ** 2, 0);
  }, 0);
  const coefficient = 0.5 / Math.sqrt(squares);
  const terms = [{ task: second, coefficient }];
  const after = await lossOf(all, got(await all.network.weightsWith(terms, signal)));
  const { rise } = only(ran.table('directions'), { task: 'rot90', vector: 'invert' });
  assert.ok(Math.abs(Number(rise) - (after - (await lossOf(all, base)))) < 1e-4);
});

test('a tiny step rises by its length times the gradient, and layers by no more', async () => {
  const ran = await run(sharpness, await networkStudy(['rot90']), { samples: 8, rho: 0.002, at: 'base' });
  const { sharpness: rise, first_order } = only(ran.table('tasks'), { task: 'rot90' });
  assert.ok(Math.abs(Number(rise) / Number(first_order) - 1) < 0.05);
  for (const layer of ran.table('layers')) assert.ok(Number(layer['sharpness']) <= Number(rise) * 1.05);
});

test('a step to where the network gives no number is said to have no rise', async () => {
  const study = await networkStudy(['rot90']);
  const [first = null] = study.tasks;
  const network = got(await openStudyNetwork(study, { samples: 2, seed: 0 }));
  const tensors = new Map([
    ['vit.layernorm.weight', new Float32Array(64).fill(1)],
    ['classifier.weight', new Float32Array(640).fill(1)],
  ]);
  const gradients = { tensors, samples: 2, loss: 1, without: [] };
  const at = { network, objective: OBJECTIVE, tasks: [], caption: '' };
  const progress = () => undefined;
  const options = { signal, progress };
  const sharp = got(
    await taskSharpness(
      study,
      at,
      { task: 'rot90', model: first, over: '', gradients },
      false,
      3e38,
      options,
    ),
  );
  assert.equal(sharp.rise, null);
  assert.deepEqual(
    sharp.layers.map(({ rise }) => rise),
    [null],
  );
});
