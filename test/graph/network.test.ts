import assert from 'node:assert/strict';
import * as path from 'node:path';
import test from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { bindWeights } from '../../src/graph/bind/bind-weights';
import { checkpointSource } from '../../src/graph/bind/weight-source';
import { openNetwork, readActivations, type Samples } from '../../src/graph/network';
import { readModel } from '../../src/format/onnx/read-model';
import { tensorValue } from '../../src/graph/tensor-value';
import { success } from '../../src/protocol/result';
import { codeOf, got } from './got';

const SAMPLES = path.resolve(__dirname, '../../samples');

/** Pictures whose pixels all have the number of the sample. */
const pictures: Samples = {
  name: 'numbers',
  count: 7,
  batch: null,
  feeds: (first, count) =>
    Promise.resolve(
      success(
        new Map([
          [
            'pixel_values',
            tensorValue(
              'float32',
              [count, 1, 16, 16],
              Float64Array.from({ length: count * 256 }, (_, at) => (first + Math.floor(at / 256)) / 10),
            ),
          ],
        ]),
      ),
    ),
};

test('a graph of another network is refused before anything runs', async () => {
  const model = got(await readModel(path.join(SAMPLES, 'vit-digits/onnx/base.onnx')));
  const other = got(await openCheckpoint(path.join(SAMPLES, 'charlm/base')));
  const opened = await openNetwork(model, other, pictures);
  assert.equal(codeOf(opened), 'graph-other-network');
  assert.ok(!opened.ok && opened.problem.message.includes('charlm'));
});

test('samples come in their order whatever the batches, and reading ends when no more are wanted', async () => {
  const model = got(await readModel(path.join(SAMPLES, 'vit-digits/onnx/base.onnx')));
  const base = got(await openCheckpoint(path.join(SAMPLES, 'vit-digits/base')));
  const network = got(await openNetwork(model, base, pictures));
  const { signal } = new AbortController();
  const weights = got(await bindWeights(network.map, checkpointSource(base), signal));
  const options = { values: ['logits'], weights, samples: pictures, count: 7, signal };
  const alone: number[][] = [];
  for (let sample = 0; sample < 7; sample++) {
    const one = { ...pictures, feeds: (_: number, count: number) => pictures.feeds(sample, count) };
    got(
      await readActivations(network, { ...options, samples: one, count: 1 }, (batch) => {
        alone.push([...(batch.get('logits')?.data as Float32Array)]);
        return true;
      }),
    );
  }
  const together: number[] = [];
  const firsts: number[] = [];
  got(
    await readActivations(network, options, (batch, first) => {
      together.push(...(batch.get('logits')?.data as Float32Array));
      firsts.push(first);
      return true;
    }),
  );
  assert.ok(firsts.length > 1, 'more than one batch');
  alone.flat().forEach((value, at) => assert.ok(Math.abs(value - (together[at] ?? NaN)) < 1e-4));
  let taken = 0;
  got(await readActivations(network, options, () => ++taken < 1));
  assert.equal(taken, 1);
});
