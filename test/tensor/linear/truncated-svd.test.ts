import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transposed, type Dense } from '../../../src/tensor/linear/dense';
import { entriesOf, type Entries } from '../../../src/tensor/linear/entries';
import { lowRankSvd, lowRankValues } from '../../../src/tensor/linear/low-rank-svd';
import { multiply } from '../../../src/tensor/linear/multiply';
import { singularValues, svd } from '../../../src/tensor/linear/svd';
import { truncatedSvd, truncatedSvdOf } from '../../../src/tensor/linear/truncated-svd';
import { product, randomDelta, seeded } from '../oracle';
import { assertNear, assertOrthonormalColumns, difference, random, rowsTimes } from './matrices';

/** Rank `rank` and noise of this size beside it. */
function noisy(rows: number, columns: number, rank: number, noise: number): Dense {
  const signal = multiply(random(rows, rank, 1), random(rank, columns, 2));
  const beside = random(rows, columns, 3).values;
  const values = signal.values.map((value, i) => value + noise * (beside[i] as number));
  return { rows, columns, values };
}

test('the largest values with their vectors are those of the whole decomposition, within the error measured', () => {
  for (const [rows, columns] of [
    [420, 300],
    [300, 420],
  ] as const) {
    for (const noise of [0, 1e-3, 0.3]) {
      const matrix = noisy(rows, columns, 20, noise);
      const exact = singularValues(matrix).values;
      const { left, values, right, error } = truncatedSvd(matrix, 12);
      assertNear(values, exact.slice(0, 12), error);
      assert.ok(error <= (noise === 0 ? 1e-11 : 3 * noise) * (exact[0] as number));
      assertOrthonormalColumns(left);
      assertOrthonormalColumns(transposed(right));
      // uᵀA = σvᵀ holds whatever was found.
      const projected = multiply(transposed(left), matrix);
      assert.ok(difference(projected, rowsTimes(values, right)) <= 1e-5 * (exact[0] as number));
    }
  }
});

test('the same matrix gives the same vectors every time', () => {
  const matrix = noisy(300, 290, 5, 0.1);
  assert.deepEqual(truncatedSvd(matrix, 4), truncatedSvd(matrix, 4));
});

test('small matrices, high ranks and ranks beyond the shorter side are exact', () => {
  for (const [rows, columns, rank] of [
    [60, 40, 7],
    [40, 60, 100],
    [260, 300, 200],
  ] as const) {
    const matrix = random(rows, columns, rank);
    const exact = svd(matrix);
    const found = truncatedSvd(matrix, rank);
    const k = Math.min(rank, rows, columns);
    assert.deepEqual([found.left.columns, found.values.length, found.right.rows], [k, k, k]);
    assertNear(found.values, exact.values.slice(0, k), found.error);
  }
});

test('numbers far from 1 are found as well', () => {
  const matrix = noisy(300, 300, 6, 0);
  const expected = truncatedSvd(matrix, 6).values;
  for (const scale of [1e-40, 1e40]) {
    const { values } = truncatedSvd({ ...matrix, values: matrix.values.map((value) => value * scale) }, 6);
    assertNear(
      values.map((value) => value / scale),
      expected,
      1e-9 * (expected[0] as number),
    );
  }
});

test('a matrix that is read again for every product has the same decomposition', () => {
  const matrix = noisy(5000, 280, 8, 1e-3);
  let reads = 0;
  // More rows than fit in memory, all but the first of zeros: they change nothing.
  const rows = 80_000;
  const entries: Entries = {
    ...entriesOf(matrix),
    rows,
    read(first, end, _firstColumn, _endColumn, target) {
      reads++;
      const count = Math.max(0, Math.min(end, matrix.rows) - first);
      target.fill(0, 0, (end - first) * matrix.columns);
      target.set(matrix.values.subarray(first * matrix.columns, (first + count) * matrix.columns));
    },
  };
  const expected = truncatedSvd(matrix, 8);
  const found = truncatedSvdOf(entries, 8, () => undefined);
  assert.ok(reads > 4);
  assertNear(found.values, expected.values, found.error);
  assert.equal(found.left.rows, rows);
});

test('a low-rank task vector has the decomposition of its product', () => {
  for (const [rows, columns, rank] of [
    [50, 30, 4],
    [30, 50, 1],
    [7, 90, 40],
  ] as const) {
    const delta = randomDelta(rows, columns, rank, seeded(rows));
    const whole = { rows, columns, values: Float64Array.from(product(delta)) };
    const exact = singularValues(whole).values;
    const found = lowRankSvd(delta);
    const k = Math.min(rows, columns, rank);
    assertNear(found.values, exact.slice(0, k), 1e-12 * (exact[0] as number));
    assertNear(lowRankValues(delta).values, found.values, 1e-12 * (exact[0] as number));
    assert.ok(difference(multiply(found.left, rowsTimes(found.values, found.right)), whole) < 1e-11);
  }
});
