import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absoluteMaximum, cosine, mergeMoments, standardDeviation } from '../../src/tensor/derive';
import type { Moments } from '../../src/tensor/pass';
import { slowMoments } from './oracle';

const moments = (values: readonly number[]) => slowMoments(values) as Moments;

test('a cosine is the inner product over both norms', () => {
  assert.equal(cosine(12, 9, 64), 0.5);
  assert.equal(cosine(-6, 4, 9), -1);
});

test('a cosine stays within −1 and 1 where rounding would carry it beyond', () => {
  assert.equal(cosine(1 + 1e-12, 1, 1), 1);
  assert.equal(cosine(-1 - 1e-12, 1, 1), -1);
});

test('a cosine with a zero vector or an unusable sum is undefined, never 0', () => {
  assert.equal(cosine(0, 0, 5), null);
  assert.equal(cosine(0, 5, 0), null);
  assert.equal(cosine(NaN, 1, 1), null);
  assert.equal(cosine(1, Infinity, 1), null);
});

test('a cosine of huge and of tiny vectors neither overflows nor vanishes', () => {
  assert.equal(cosine(1e300, 1e300, 1e300), 1);
  assert.equal(cosine(1e-300, 1e-300, 1e-300), 1);
});

test('the standard deviation divides by n', () => {
  assert.equal(standardDeviation(moments([2, 4, 4, 4, 5, 5, 7, 9])), 2);
  assert.equal(standardDeviation(moments([3])), 0);
  assert.equal(standardDeviation(moments([NaN])), null);
});

test('the absolute maximum looks at both ends', () => {
  assert.equal(absoluteMaximum(moments([-3, 2])), 3);
  assert.equal(absoluteMaximum(moments([])), null);
});

test('merging with moments of nothing finite changes no figure', () => {
  const some = moments([0.1, 0.2, 0.7]);
  const nothing = moments([NaN, NaN]);
  const expected = { mean: some.mean, m2: some.m2, min: 0.1, max: 0.7, nan: 2, count: 5 };
  for (const merged of [mergeMoments(some, nothing), mergeMoments(nothing, some)]) {
    const { mean, m2, min, max, nan, count } = merged;
    assert.deepEqual({ mean, m2, min, max, nan, count }, expected);
  }
});
