import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SplitMix64 } from '../../src/tensor/split-mix';
import { cloudOf, compareClouds, transportCost } from '../../src/lens/activations/distribution-distance';
import { normal } from '../../src/lens/activations/second-view';
import { transfer } from '../../src/lens/transfer';
import { transposed, type Dense } from '../../src/tensor/linear/dense';
import { multiply } from '../../src/tensor/linear/multiply';
import { symmetricEigen } from '../../src/tensor/linear/symmetric-eigen';
import { networkStudy, only, run } from './run';
import { slowPasses } from './slow-passes';

function noise(rows: number, columns: number, seed: number, shift = 0): Dense {
  const random = new SplitMix64(seed);
  return {
    rows,
    columns,
    values: Float64Array.from({ length: rows * columns }, () => normal(random) + shift),
  };
}

function covariance({ rows, columns, values }: Dense): Dense {
  const mean = Array.from({ length: columns }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += values[i * columns + k] ?? 0;
    return sum / rows;
  });
  const off = {
    rows,
    columns,
    values: values.map((value, at) => (value - (mean[at % columns] ?? 0)) / Math.sqrt(rows)),
  };
  return multiply(transposed(off), off);
}

function root(matrix: Dense): Dense {
  const { values, vectors } = symmetricEigen(matrix);
  const n = matrix.rows;
  const scaled = {
    ...vectors,
    values: vectors.values.map((v, at) => v * Math.max(0, values[Math.floor(at / n)] ?? 0) ** 0.25),
  };
  return multiply(transposed(scaled), scaled);
}

const trace = ({ rows: n, values }: Dense) =>
  Array.from({ length: n }, (_, i) => values[i * n + i] ?? 0).reduce((x, y) => x + y, 0);

test('the Fréchet distance is that of roots of matrices', () => {
  for (const [n, m] of [
    [30, 20],
    [6, 9],
  ] as const) {
    const [x, y] = [noise(n, 5, 1), noise(m, 5, 2, 0.5)];
    const [a, b] = [covariance(x), covariance(y)];
    const half = root(a);
    const means = [x, y].map(({ rows, values }) =>
      Array.from(
        { length: 5 },
        (_, k) => values.filter((_, at) => at % 5 === k).reduce((s, v) => s + v, 0) / rows,
      ),
    );
    const apart = (means[0] ?? []).reduce((sum, value, k) => sum + (value - (means[1]?.[k] ?? 0)) ** 2, 0);
    const wanted = apart + trace(a) + trace(b) - 2 * trace(root(multiply(multiply(half, b), half)));
    const found = compareClouds(cloudOf(x), cloudOf(y)).frechet;
    assert.ok(Math.abs(found - wanted) < 1e-6, `${String(found)} is not ${String(wanted)}`);
  }
});

test('equal clouds are alike by every figure, and clouds in other directions have nothing in common', () => {
  const x = noise(40, 4, 3);
  const same = compareClouds(cloudOf(x), cloudOf(x));
  assert.ok(Math.abs((same.covariance ?? 0) - 1) < 1e-9 && Math.abs((same.meanCosine ?? 0) - 1) < 1e-9);
  assert.ok(same.frechet < 1e-6);
  const one = { ...x, values: x.values.map((value, at) => (at % 4 < 2 ? value : 0)) };
  const two = { ...x, values: x.values.map((value, at) => (at % 4 < 2 ? 0 : value)) };
  assert.ok(Math.abs(compareClouds(cloudOf(one), cloudOf(two)).covariance ?? 1) < 1e-9);
  const far = compareClouds(cloudOf(x), cloudOf(noise(40, 4, 4, 3)));
  assert.ok(
    (far.mmd ?? 0) > 0.3 && Math.abs(compareClouds(cloudOf(x), cloudOf(noise(40, 4, 5))).mmd ?? 1) < 0.1,
  );
});

test('transport moves every sample to its partner where they are permuted', () => {
  const values = Float64Array.of(4, 0, 9, 0, 4, 9, 9, 9, 0);
  assert.ok(transportCost({ rows: 3, columns: 3, values }) < 1e-3);
  const even = transportCost({ rows: 2, columns: 1, values: Float64Array.of(1, 3) });
  assert.ok(Math.abs(even - 2) < 1e-9);
});

test('every two data sets are compared in every layer of the model that was named', async () => {
  const study = await networkStudy(['rot90'], ['rot90', 'invert', 'vflip']);
  const ran = await run(transfer, study, { samples: 20 }, slowPasses(), 2 ** 28);
  const rows = ran.table('pairs');
  assert.equal(rows.length, 7 * 3);
  const tuned = await run(transfer, study, { samples: 20, model: 'rot90' }, slowPasses(), 2 ** 28);
  const wanted = { layer: 'vit.encoder.layer.5', a: 'rot90', b: 'invert' };
  assert.notEqual(only(rows, wanted)['frechet'], only(tuned.table('pairs'), wanted)['frechet']);
});

test('a model that is not there, and one data set alone, say what to do', async () => {
  for (const [data, parameters, code] of [
    [['rot90'], {}, 'data-sets-few'],
    [['rot90', 'invert'], { model: 'nobody' }, 'bad-parameter'],
  ] as const) {
    const output = await transfer.run(await networkStudy(['rot90'], data), parameters, {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 28,
      progress: () => undefined,
      log: () => undefined,
    });
    assert.equal(output.ok ? 'ok' : output.problem.code, code);
  }
});
