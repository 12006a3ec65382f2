import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transposed, zeros } from '../../../src/tensor/linear/dense';
import { jacobiSvd } from '../../../src/tensor/linear/jacobi';
import { multiply, multiplyTransposed, shortGram } from '../../../src/tensor/linear/multiply';
import { principalCosines } from '../../../src/tensor/linear/principal-angles';
import { thinQr } from '../../../src/tensor/linear/qr';
import { svd } from '../../../src/tensor/linear/svd';
import { symmetricEigen } from '../../../src/tensor/linear/symmetric-eigen';
import {
  assertNear,
  assertOrthonormalColumns,
  difference,
  identity,
  orthogonal,
  random,
  rowsTimes,
  slowProduct,
  withSingularValues,
} from './matrices';

const SHAPES = [
  [1, 1],
  [1, 6],
  [6, 1],
  [5, 3],
  [31, 33],
  [70, 64],
  [300, 41],
  [41, 300],
  [130, 130],
] as const;

test('products are those of three loops, whatever the shapes', () => {
  for (const [m, k] of SHAPES) {
    for (const n of [1, 3, 4, 50]) {
      const x = random(m, k, m + k);
      const y = random(k, n, n);
      assert.ok(difference(multiply(x, y), slowProduct(x, y)) < 1e-13);
      assert.ok(difference(multiplyTransposed(x, transposed(y)), slowProduct(x, y)) < 1e-13);
    }
    const x = random(m, k, 5);
    const gram = m <= k ? slowProduct(x, transposed(x)) : slowProduct(transposed(x), x);
    assert.ok(difference(shortGram(x), gram) < 1e-12);
  }
  assert.throws(() => multiply(zeros(2, 3), zeros(2, 3)), RangeError);
});

test('products longer than the blocks that they are computed in are right, too', () => {
  const x = random(70, 517, 1);
  const y = random(517, 530, 2);
  assert.ok(difference(multiply(x, y), slowProduct(x, y)) < 1e-12);
  const gram = shortGram(random(300, 320, 3));
  assert.ok(difference(gram, transposed(gram)) === 0);
});

test('Q has orthonormal columns, R is upper triangular, and their product is the matrix', () => {
  for (const [m, n] of SHAPES) {
    const matrix = random(m, n, 3 * m + n);
    const { q, r } = thinQr(matrix);
    assertOrthonormalColumns(q);
    assert.ok(difference(slowProduct(q, r), matrix) < 1e-13);
    assert.ok(r.values.every((value, i) => i % n >= Math.floor(i / n) || value === 0));
  }
});

test('a matrix of lower rank, and one of zeros, have a QR decomposition with an orthonormal Q', () => {
  const lower = slowProduct(random(50, 4, 1), random(4, 40, 2));
  for (const matrix of [lower, zeros(6, 4)]) {
    const { q, r } = thinQr(matrix);
    assertOrthonormalColumns(q);
    assert.ok(difference(slowProduct(q, r), matrix) < 1e-13);
  }
});

test('singular vectors are orthonormal, and their product with the values is the matrix', () => {
  for (const [m, n] of SHAPES) {
    const matrix = random(m, n, 7 * m + n);
    const { left, values, right } = svd(matrix);
    assertOrthonormalColumns(left);
    assertOrthonormalColumns(transposed(right));
    assert.ok(difference(slowProduct(left, rowsTimes(values, right)), matrix) < 1e-12);
    assertNear(values, jacobiSvd(matrix).values, 1e-12);
  }
});

test('vectors of singular values far below the largest are as orthonormal as the others', () => {
  const expected = Float64Array.from({ length: 60 }, (_, i) => 10 ** (-i / 5));
  const matrix = withSingularValues(80, expected, 1);
  const { left, values, right } = svd(matrix);
  assertOrthonormalColumns(left);
  assertOrthonormalColumns(transposed(right));
  assertNear(values, expected, 1e-14);
  assert.ok(difference(slowProduct(left, rowsTimes(values, right)), matrix) < 1e-14);
});

test('eigenvectors are orthonormal and take a symmetric matrix apart', () => {
  for (const n of [1, 2, 3, 33, 64, 130]) {
    const q = orthogonal(n, n);
    const values = Float64Array.from({ length: n }, (_, i) => n / 2 - i);
    const matrix = slowProduct(transposed(q), rowsTimes(values, q));
    const found = symmetricEigen(matrix);
    assertNear(found.values, values, 1e-12 * n);
    assertOrthonormalColumns(transposed(found.vectors));
    const again = slowProduct(transposed(found.vectors), rowsTimes(found.values, found.vectors));
    assert.ok(difference(again, matrix) < 1e-12 * n);
  }
  assert.deepEqual([...symmetricEigen(zeros(4, 4)).values], [0, 0, 0, 0]);
  assert.deepEqual([...symmetricEigen(identity(4)).values], [1, 1, 1, 1]);
  assert.throws(() => symmetricEigen(zeros(2, 3)), RangeError);
});

test('principal angles are those that a basis was turned by', () => {
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
  const x = { rows: 4, columns: 2, values: Float64Array.of(1, 0, 0, 1, 0, 0, 0, 0) };
  const y = { rows: 4, columns: 2, values: Float64Array.of(1, 0, 0, c, 0, s, 0, 0) };
  assertNear(principalCosines(x, y), Float64Array.of(1, c), 1e-15);
});
