import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attentionSites } from '../../src/graph/attention-sites';
import { readActivations } from '../../src/graph/network';
import { openStudyNetwork } from '../../src/graph/study-network';
import { numbersOf, tensorValue } from '../../src/graph/tensor-value';
import { headImportance } from '../../src/lens/activations/head-ablation';
import { distancesToMean } from '../../src/lens/activations/head-outputs';
import { logSoftmax } from '../../src/lens/activations/logit-shift';
import { headMap } from '../../src/lens/head-map';
import { got } from '../graph/got';
import { cell, networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

const NEVER = new AbortController().signal;

test('distances are to the mean of the heads', () => {
  const found = distancesToMean([Float64Array.of(0, 0), Float64Array.of(3, 4), Float64Array.of(6, 8)]);
  assert.deepEqual([...found], [5, 0, 5]);
});

test('a head that is switched off is one whose rows of the output projection are 0', async () => {
  const study = await networkStudy(['rot90']);
  const network = got(await openStudyNetwork(study, { samples: 3, seed: 0 }));
  const [task = null] = study.tasks;
  const samples = got(await network.samplesOf(task));
  const weights = got(await network.weightsOf(task, NEVER));
  const sites = attentionSites(network.network.map);
  const importance = got(
    await headImportance(network, {
      sites,
      heads: sites.map(() => 4),
      weights,
      samples,
      output: 'logits',
      signal: NEVER,
      progress: () => undefined,
    }),
  );
  const logitsWith = async (given: typeof weights): Promise<Float64Array> => {
    const options = { values: ['logits'], weights: given, samples, count: 3, signal: NEVER };
    const parts: Float64Array[] = [];
    got(
      await readActivations(network.network, options, (batch) => {
        const value = batch.get('logits');
        if (value) parts.push(numbersOf(value));
        return true;
      }),
    );
    return Float64Array.from(parts.flatMap((part) => [...part]));
  };
  const name = 'vit.encoder.layer.2.attention.output.dense.weight';
  const whole = await logitsWith(weights);
  for (const head of [0, 3]) {
    const own = weights.get(name);
    assert.ok(own);
    // [out, in]: the inputs of the head are columns.
    const values = numbersOf(own).map((value, at) => (Math.floor((at % 64) / 16) === head ? 0 : value));
    const without = await logitsWith(new Map(weights).set(name, tensorValue('float32', own.shape, values)));
    let wanted = 0;
    for (let row = 0; row < 3; row++) {
      const [p, q] = [whole, without].map((logits) => logSoftmax(logits.subarray(row * 10, row * 10 + 10)));
      p?.forEach((value, k) => (wanted += (Math.exp(value) * (value - (q?.[k] ?? 0))) / 3));
    }
    const found = importance[2]?.[head] ?? NaN;
    assert.ok(Math.abs(found - wanted) < 1e-5 + 1e-3 * wanted, `${String(found)} is not ${String(wanted)}`);
  }
});

test('every head has an importance and a distance, and a quarter of them makes the circuit', async () => {
  const ran = await run(headMap, await networkStudy(['rot90']), { samples: 4 }, slowPasses(), 2 ** 28);
  const rows = ran.table('heads');
  assert.equal(rows.length, 2 * 24);
  assert.equal(rows.filter(({ model, circuit }) => model === 'rot90' && circuit === true).length, 6);
  for (const { importance, distance } of rows) assert.ok(Number(importance) >= 0 && Number(distance) > 0);
  assert.equal(cell(ran.matrix('circuits'), 'rot90', 'rot90'), 1);
});
