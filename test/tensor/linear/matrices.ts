// Matrices that tests are about, and what must hold of them, computed the obvious way.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { transposed, zeros, type Dense } from '../../../src/tensor/linear/dense';
import { seeded } from '../oracle';

const FILE = path.resolve(__dirname, '../../../dist/tensor-linear.wasm');
assert.ok(fs.existsSync(FILE), 'these tests need the compiled kernels: npm run build');

/** Entries between −1 and 1. */
export function random(rows: number, columns: number, seed: number): Dense {
  const next = seeded(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => 2 * next() - 1) };
}

export function identity(n: number): Dense {
  const one = zeros(n, n);
  for (let i = 0; i < n; i++) one.values[i * (n + 1)] = 1;
  return one;
}

/** x·y by three loops. */
export function slowProduct(x: Dense, y: Dense): Dense {
  const product = zeros(x.rows, y.columns);
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < y.columns; j++) {
      let sum = 0;
      for (let k = 0; k < x.columns; k++) {
        sum += (x.values[i * x.columns + k] as number) * (y.values[k * y.columns + j] as number);
      }
      product.values[i * y.columns + j] = sum;
    }
  }
  return product;
}

/** diag(factors)·x */
export function rowsTimes(factors: Float64Array, x: Dense): Dense {
  return {
    ...x,
    values: x.values.map((value, i) => value * (factors[Math.floor(i / x.columns)] as number)),
  };
}

/** An orthogonal matrix: a product of `n` reflections of random vectors. */
export function orthogonal(n: number, seed: number): Dense {
  const vectors = random(n, n, seed);
  const q = identity(n);
  for (let k = 0; k < n; k++) {
    const v = vectors.values.subarray(k * n, (k + 1) * n);
    const squares = v.reduce((sum, x) => sum + x * x, 0);
    for (let i = 0; i < n; i++) {
      let inner = 0;
      for (let j = 0; j < n; j++) inner += (q.values[i * n + j] as number) * (v[j] as number);
      for (let j = 0; j < n; j++) {
        q.values[i * n + j] = (q.values[i * n + j] as number) - (2 * inner * (v[j] as number)) / squares;
      }
    }
  }
  return q;
}

/** rows × columns with these singular values, columns ≤ rows of them. */
export function withSingularValues(rows: number, values: Float64Array, seed: number): Dense {
  const n = values.length;
  const left = orthogonal(rows, seed);
  const cut = { rows, columns: n, values: left.values.filter((_, i) => i % rows < n) };
  return slowProduct(cut, rowsTimes(values, orthogonal(n, seed + 1)));
}

/** Largest difference of two entries at the same place. */
export function difference(x: Dense, y: Dense): number {
  assert.deepEqual([x.rows, x.columns], [y.rows, y.columns]);
  return x.values.reduce((most, value, i) => Math.max(most, Math.abs(value - (y.values[i] as number))), 0);
}

export function assertOrthonormalColumns(x: Dense, tolerance = 1e-12): void {
  assert.ok(difference(slowProduct(transposed(x), x), identity(x.columns)) <= tolerance);
}

/** Whether two lists of numbers are as long as each other and nowhere further apart than `error`. */
export function assertNear(actual: Float64Array, expected: Float64Array, error: number): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    const off = Math.abs(value - (expected[i] as number));
    assert.ok(
      off <= error,
      `value ${i} is ${value}, not ${String(expected[i])}: off by ${off}, not ${error}`,
    );
  });
}
