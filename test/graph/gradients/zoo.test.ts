import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import { bindWeights, type BoundWeights } from '../../../src/graph/bind/bind-weights';
import { matchWeights } from '../../../src/graph/bind/match-weights';
import type { WeightMap } from '../../../src/graph/bind/weight-map';
import { checkpointSource } from '../../../src/graph/bind/weight-source';
import { accumulate, type Sample } from '../../../src/graph/gradients/accumulate';
import { readModel } from '../../../src/format/onnx/read-model';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { tensorOverBytes } from '../../../src/graph/tensor-value';
import { got } from '../got';
import { readNpz, WITHOUT_ZOO, ZOO } from '../zoo';

function reference<T>(family: string, file: string): T {
  return JSON.parse(fs.readFileSync(join(ZOO, 'reference', family, file), 'utf8')) as T;
}

async function graphOf(family: string): Promise<WeightMap> {
  const graph = got(prepareGraph(got(await readModel(join(ZOO, family, 'onnx/base.onnx')))));
  return got(await matchWeights(graph, got(await openCheckpoint(join(ZOO, family, 'base')))));
}

async function weightsOf(map: WeightMap, family: string, checkpoint: string): Promise<BoundWeights> {
  return got(
    await bindWeights(map, checkpointSource(got(await openCheckpoint(join(ZOO, family, checkpoint))))),
  );
}

/** Runs of `batch` samples each, of rows `first … end − 1` of an .npz file. */
function samplesOf(
  path: string,
  input: string,
  type: 'float32' | 'int64',
  first: number,
  end: number,
  batch: number,
): Sample[] {
  const arrays = readNpz(path);
  const [values, labels] = [arrays.get(input), arrays.get('labels')];
  assert.ok(values && labels);
  const rows = (array: typeof values, from: number, count: number): Uint8Array => {
    const width = array.bytes.length / (array.shape[0] ?? 1);
    return array.bytes.slice(from * width, (from + count) * width);
  };
  const samples: Sample[] = [];
  for (let from = first; from < end; from += batch) {
    samples.push({
      inputs: new Map([
        [input, tensorOverBytes(type, [batch, ...values.shape.slice(1)], rows(values, from, batch))],
      ]),
      reference: tensorOverBytes('int64', [batch, ...labels.shape.slice(1)], rows(labels, from, batch)),
      count: batch,
    });
  }
  return samples;
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
}

const LIKELIHOOD = { kind: 'log-likelihood', output: 'logits' } as const;

test('mean gradients of the vision transformer are those of PyTorch', { skip: WITHOUT_ZOO }, async () => {
  const expected = reference<{
    tasks: string[];
    tensors: Record<string, { norm: Record<string, number>; cos: (number | null)[][] }>;
  }>('vit-digits', 'gradients.json');
  const map = await graphOf('vit-digits');
  const weights = await weightsOf(map, 'vit-digits', 'base');
  const found = new Map<string, ReadonlyMap<string, Float64Array>>();
  for (const task of ['rot90', 'noise']) {
    const samples = samplesOf(
      join(ZOO, 'vit-digits/data', `${task}-val.npz`),
      'pixel_values',
      'float32',
      0,
      250,
      50,
    );
    const result = got(
      await accumulate(map.graph, weights, samples, { objective: LIKELIHOOD, accumulation: 'sum' }),
    );
    assert.deepEqual([result.obstacles, result.unconnected, result.samples], [[], [], 250]);
    assert.equal(result.means.size, 104);
    const whole = Math.hypot(...[...result.means.values()].map(norm));
    for (const [tensor, mean] of result.means) {
      const wanted = expected.tensors[tensor]?.norm[task] ?? NaN;
      // Key biases have a gradient of 0 in exact arithmetic.
      const near = tensor.endsWith('key.bias') ? 1e-6 * whole : 1e-4 * wanted;
      assert.ok(
        Math.abs(norm(mean) - wanted) <= near,
        `${task} ${tensor}: ${String(norm(mean))}, not ${String(wanted)}`,
      );
    }
    found.set(task, result.means);
  }
  const [i, j] = [expected.tasks.indexOf('rot90'), expected.tasks.indexOf('noise')];
  for (const [tensor, a] of found.get('rot90') ?? []) {
    if (tensor.endsWith('key.bias')) continue;
    const b = found.get('noise')?.get(tensor) ?? new Float64Array(0);
    const cosine = a.reduce((sum, x, at) => sum + x * (b[at] ?? NaN), 0) / (norm(a) * norm(b));
    assert.ok(Math.abs(cosine - (expected.tensors[tensor]?.cos[i]?.[j] ?? NaN)) < 1e-4, tensor);
  }
});

test(
  'the Fisher of the language model is that of PyTorch, sequence by sequence',
  { skip: WITHOUT_ZOO },
  async () => {
    type Table = Record<string, { sum: number; frobenius: number; max: number; mean: number }>;
    const expected = reference<Record<string, Record<string, { tensors: Table }>>>('charlm', 'fisher.json');
    const map = await graphOf('charlm');
    for (const [task, checkpoint, key] of [
      ['kjv', 'kjv', 'finetuned_logp'],
      ['arith', 'base', 'base_logp'],
    ] as const) {
      const weights = await weightsOf(map, 'charlm', checkpoint);
      const samples = samplesOf(join(ZOO, 'charlm/data', `${task}.npz`), 'input_ids', 'int64', 64, 128, 1);
      const result = got(
        await accumulate(map.graph, weights, samples, { objective: LIKELIHOOD, accumulation: 'squares' }),
      );
      assert.deepEqual([result.obstacles, result.unconnected, result.samples], [[], [], 64]);
      const tensors = expected[task]?.[key]?.tensors ?? {};
      assert.deepEqual([...result.means.keys()].sort(), Object.keys(tensors).sort());
      for (const [tensor, fisher] of result.means) {
        const wanted = tensors[tensor];
        assert.ok(wanted);
        const sum = fisher.reduce((total, x) => total + x, 0);
        assert.ok(
          Math.abs(sum - wanted.sum) <= 1e-4 * wanted.sum,
          `${tensor}: ${String(sum)}, not ${String(wanted.sum)}`,
        );
        assert.ok(Math.abs(norm(fisher) - wanted.frobenius) <= 1e-4 * wanted.frobenius, tensor);
        assert.ok(Math.abs(Math.max(...fisher) - wanted.max) <= 1e-4 * wanted.max, tensor);
        assert.ok((result.standardErrors.get(tensor) ?? NaN) > 0);
      }
    }
  },
);

/** Sum and Frobenius norm of the Fisher of cnn-digits/base on rot90, from PyTorch 1.13 in float64 (64 validation images). */
const CNN_FISHER: Readonly<Record<string, readonly [number, number]>> = {
  'bn1.bias': [102.93516, 32.259803],
  'bn1.weight': [147.45462, 47.422939],
  'bn2.bias': [99.534657, 21.596087],
  'bn2.weight': [206.72028, 47.738497],
  'bn3.bias': [2.079034, 0.37991435],
  'bn3.weight': [4.4082441, 1.0555474],
  'conv1.bias': [2280.9881, 772.04036],
  'conv1.weight': [4337.0002, 508.15938],
  'conv2.weight': [22321.603, 564.72039],
  'conv3.weight': [1968.624, 27.236246],
  'fc.bias': [1.6898104, 0.81555285],
  'fc.weight': [161.4694, 15.981876],
};

test(
  'the Fisher of the convolutional network is that of PyTorch, image by image',
  { skip: WITHOUT_ZOO },
  async () => {
    const map = await graphOf('cnn-digits');
    const weights = await weightsOf(map, 'cnn-digits', 'base');
    const samples = samplesOf(
      join(ZOO, 'vit-digits/data/rot90-val.npz'),
      'pixel_values',
      'float32',
      0,
      64,
      1,
    );
    const targets = Object.keys(CNN_FISHER);
    const options = { objective: LIKELIHOOD, accumulation: 'squares', targets } as const;
    const result = got(await accumulate(map.graph, weights, samples, options));
    for (const [tensor, [sum, frobenius]] of Object.entries(CNN_FISHER)) {
      const fisher = result.means.get(tensor) ?? new Float64Array(0);
      const total = fisher.reduce((all, x) => all + x, 0);
      assert.ok(Math.abs(total - sum) <= 1e-4 * sum, `${tensor}: ${String(total)}, not ${String(sum)}`);
      assert.ok(Math.abs(norm(fisher) - frobenius) <= 1e-4 * frobenius, tensor);
    }
  },
);
