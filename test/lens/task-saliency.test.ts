import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accumulate } from '../../src/graph/gradients/accumulate';
import { readActivationGradients } from '../../src/graph/gradients/activation-gradients';
import { openStudyNetwork } from '../../src/graph/study-network';
import { numbersOf } from '../../src/graph/tensor-value';
import { streamPlaces } from '../../src/lens/activations/layer-features';
import { channelShares } from '../../src/lens/gradients/channel-saliency';
import { GradientSamples } from '../../src/lens/gradients/gradient-samples';
import { taskSaliency } from '../../src/lens/task-saliency';
import { got } from '../graph/got';
import { cell, networkStudy, only, run } from './run';

const OBJECTIVE = { kind: 'log-likelihood', output: 'logits' } as const;
const CHANNELS = 64;

test('the gradient of a representation, summed over tokens, is that of the bias which is added to it', async () => {
  const study = await networkStudy(['rot90', 'invert']);
  const network = got(await openStudyNetwork(study, { samples: 8, seed: 0 }));
  const samples = got(await network.samplesOf(study.tasks[0] ?? null));
  const signal = new AbortController().signal;
  const weights = got(await network.weightsOf(null, signal));
  const { graph } = network.network.map;
  const place = streamPlaces(network).find(({ entry }) => entry.label === 'layer 1');
  assert.ok(place);
  const sums = new Float64Array(CHANNELS);
  const sizes = new Float64Array(CHANNELS);
  const request = { weights, values: [place.value], objective: OBJECTIVE, signal };
  const given = () => new GradientSamples(samples, OBJECTIVE, 3);
  got(
    await readActivationGradients(graph, request, given(), (gradients) => {
      const gradient = gradients.get(place.value);
      assert.ok(gradient);
      assert.deepEqual(gradient.shape.slice(1), [17, CHANNELS]);
      numbersOf(gradient).forEach((value, at) => {
        sums[at % CHANNELS] = (sums[at % CHANNELS] ?? 0) + value / 8;
        sizes[at % CHANNELS] = (sizes[at % CHANNELS] ?? 0) + Math.abs(value) / (8 * 17);
      });
    }),
  );
  const options = { objective: OBJECTIVE, accumulation: 'sum' } as const;
  const { means } = got(await accumulate(graph, weights, given(), options));
  const bias = means.get('vit.encoder.layer.1.output.dense.bias');
  assert.ok(bias);
  const norm = Math.hypot(...bias);
  sums.forEach((sum, at) => assert.ok(Math.abs(sum - (bias[at] ?? NaN)) <= 1e-5 * norm));
  const mean = sizes.reduce((sum, value) => sum + value, 0) / CHANNELS;
  const ran = await run(taskSaliency, study, { samples: 8 });
  assert.ok(Math.abs(Number(cell(ran.matrix('strength'), 'layer 1', 'rot90')) / mean - 1) < 1e-4);
});

test('a channel that one task alone depends on has no entropy, an even one has all', () => {
  const shares = channelShares([Float64Array.of(3, 0, 1), Float64Array.of(3, 1, 0)]);
  assert.deepEqual(
    shares.map(({ entropy, owner }) => [Number((entropy ?? NaN).toFixed(9)), owner]),
    [
      [1, 0],
      [0, 1],
      [0, 0],
    ],
  );
  assert.equal(channelShares([Float64Array.of(0, 1), Float64Array.of(0, 1)])[0]?.entropy, null);
});

test('tasks with the same samples share every channel', async () => {
  const ran = await run(taskSaliency, await networkStudy(['rot90', 'invert'], ['clean']), { samples: 4 });
  for (const { entropy } of ran.table('owners')) assert.ok(entropy === null || Number(entropy) > 1 - 1e-9);
  const last = only(ran.table('pairs'), { layer: 'layer 4' });
  assert.ok(Math.abs(Number(last['cosine']) - 1) < 1e-9);
});
