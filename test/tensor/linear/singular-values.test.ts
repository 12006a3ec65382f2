import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { squaresOf, transposed, zeros, type Dense } from '../../../src/tensor/linear/dense';
import { jacobiSvd } from '../../../src/tensor/linear/jacobi';
import { Stopped } from '../../../src/tensor/linear/stop';
import { singularValues, svd } from '../../../src/tensor/linear/svd';
import { symmetricEigen } from '../../../src/tensor/linear/symmetric-eigen';
import { seeded } from '../oracle';
import { identity, random, withSingularValues, assertNear } from './matrices';

const SHAPES = [
  [1, 1],
  [1, 9],
  [9, 1],
  [2, 2],
  [7, 5],
  [33, 32],
  [40, 97],
  [130, 70],
  [150, 150],
] as const;

test('singular values agree with those of slow rotations, for every shape', () => {
  for (const [rows, columns] of SHAPES) {
    const matrix = random(rows, columns, rows * 1000 + columns);
    const expected = jacobiSvd(matrix).values;
    const { values, error } = singularValues(matrix);
    assertNear(values, expected, Math.max(error, 1e-14));
  }
});

test('squares of the singular values add up to the squares of the entries', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), fc.nat(), (m, n, seed) => {
      const matrix = random(m, n, seed);
      const squares = singularValues(matrix).values.reduce((sum, value) => sum + value * value, 0);
      assert.ok(Math.abs(squares / squaresOf(matrix) - 1) <= 1e-13);
    }),
    { numRuns: 25 },
  );
});

test('known spectra come out to within the error that is stated', () => {
  const n = 100;
  const spectra: Record<string, (i: number) => number> = {
    'geometric, 1 to 1e-7': (i) => 10 ** ((-7 * i) / (n - 1)),
    'rank 10': (i) => (i < 10 ? 10 - i : 0),
    'all equal': () => 3,
    'two clusters': (i) => (i < 50 ? 1 : 1e-3),
  };
  for (const [name, valueAt] of Object.entries(spectra)) {
    const expected = Float64Array.from({ length: n }, (_, i) => valueAt(i));
    const matrix = withSingularValues(n + 20, expected, 7);
    for (const given of [matrix, transposed(matrix)]) {
      const { values, error } = singularValues(given);
      assert.ok(error < 1e-12, name);
      // Twice: the matrix was itself made with rounding errors.
      assertNear(values, expected, 2 * error);
    }
  }
});

test('small singular values keep six digits where the largest is ten million times as large', () => {
  const expected = Float64Array.from({ length: 64 }, (_, i) => 10 ** ((-7 * i) / 63));
  const { values } = singularValues(withSingularValues(64, expected, 3));
  values.forEach((value, i) => assert.ok(Math.abs(value / (expected[i] as number) - 1) < 1e-6));
});

test('a Hilbert matrix, whose values fall by twenty orders of magnitude, is what it is', () => {
  const n = 20;
  const hilbert = zeros(n, n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) hilbert.values[i * n + j] = 1 / (i + j + 1);
  const { values, error } = singularValues(hilbert);
  // Largest values from 30-digit arithmetic.
  assert.ok(Math.abs((values[0] ?? 0) - 1.9071347204072533) <= 1e-14);
  assertNear(values, jacobiSvd(hilbert).values, error);
});

test('zeros, the identity, diagonal and graded matrices have their obvious values', () => {
  assert.deepEqual([...singularValues(zeros(5, 8)).values], [0, 0, 0, 0, 0]);
  assertNear(singularValues(identity(40)).values, new Float64Array(40).fill(1), 1e-15);
  const graded = zeros(30, 30);
  for (let i = 0; i < 30; i++) graded.values[i * 31] = (i % 2 === 0 ? 1 : -1) * 2 ** -i;
  assertNear(
    singularValues(graded).values,
    Float64Array.from({ length: 30 }, (_, i) => 2 ** -i),
    1e-15,
  );
});

test('scale does not matter, from 1e-150 to 1e150', () => {
  const matrix = random(50, 40, 11);
  const { values } = singularValues(matrix);
  for (const scale of [1e-150, 1e-30, 1e30, 1e150]) {
    const scaled: Dense = { ...matrix, values: matrix.values.map((value) => value * scale) };
    assertNear(
      singularValues(scaled).values.map((value) => value / scale),
      values,
      1e-13 * (values[0] ?? 0),
    );
    assertNear(
      svd(scaled).values.map((value) => value / scale),
      values,
      1e-13 * (values[0] ?? 0),
    );
  }
});

test('a computation that nobody waits for is given up between two stages', () => {
  let stages = 0;
  const stop = (): void => {
    if (++stages === 3) throw new Stopped();
  };
  assert.throws(() => singularValues(random(200, 200, 1), stop), Stopped);
  assert.equal(stages, 3);
  assert.ok(singularValues(random(20, 20, 1)).values.length === 20);
});

/** A Gaussian kernel of points, some of them the same or nearly: values from 1 to far below what squares can be told of. */
function kernelMatrix(n: number, dimensions: number, sharpness: number, seed: number): Dense {
  const next = seeded(seed);
  const points = Array.from({ length: n }, () => Array.from({ length: dimensions }, () => next() - 0.5));
  for (let i = 1; i < n; i++) {
    if (next() < 0.4) points[i] = (points[i - 1] ?? []).map((x) => x + (next() < 0.5 ? 0 : 1e-9 * next()));
  }
  const values = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const square = (points[i] ?? []).reduce((sum, x, k) => sum + (x - (points[j]?.[k] ?? 0)) ** 2, 0);
      values[i * n + j] = Math.exp(-sharpness * square) / n;
    }
  }
  return { rows: n, columns: n, values };
}

test('values of kernels, from equal ones to such whose squares vanish, are found by all three ways alike', () => {
  for (const [n, dimensions, sharpness] of [
    [90, 12, 150],
    [90, 12, 600],
    [100, 17, 250],
    [110, 2, 0.05],
    [120, 5, 400],
    [130, 19, 90],
  ] as const) {
    const matrix = kernelMatrix(n, dimensions, sharpness, n + sharpness);
    const expected = jacobiSvd(matrix).values;
    const allowed = 1e-13 * (expected[0] ?? 0);
    assertNear(singularValues(matrix).values, expected, allowed);
    const eigenvalues = symmetricEigen(matrix)
      .values.map(Math.abs)
      .sort((x, y) => y - x);
    assertNear(eigenvalues, expected, allowed);
  }
});
