import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lowRankInner, lowRankSquares } from '../../src/tensor/low-rank';
import { exactSum, isClose, product, randomDelta, seeded } from './oracle';

const shape = fc.record({
  rows: fc.integer({ min: 1, max: 12 }),
  columns: fc.integer({ min: 1, max: 12 }),
  rankX: fc.integer({ min: 0, max: 9 }),
  rankY: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(),
});

test('the inner product of two factored deltas is that of the formed ones, whatever their ranks', () => {
  fc.assert(
    fc.property(shape, ({ rows, columns, rankX, rankY, seed }) => {
      const random = seeded(seed);
      const x = randomDelta(rows, columns, rankX, random);
      const y = randomDelta(rows, columns, rankY, random);
      const [formedX, formedY] = [product(x), product(y)];
      const expected = exactSum(formedX.map((value, i) => value * (formedY[i] as number)));
      const scale = Math.sqrt(exactSum(formedX.map((v) => v * v)) * exactSum(formedY.map((v) => v * v)));
      assert.ok(isClose(lowRankInner(x, y), expected, 1e-12, scale));
      assert.ok(isClose(lowRankInner(y, x), lowRankInner(x, y), 1e-12, scale));
    }),
  );
});

test('the squared norm is that of the formed delta, and never negative', () => {
  fc.assert(
    fc.property(shape, ({ rows, columns, rankY, seed }) => {
      const x = randomDelta(rows, columns, rankY, seeded(seed));
      const squares = lowRankSquares(x);
      assert.ok(squares >= 0);
      assert.ok(isClose(squares, exactSum(product(x).map((value) => value * value)), 1e-12));
    }),
  );
});

test('an adapter whose B is zero has norm zero exactly', () => {
  const x = randomDelta(5, 6, 4, seeded(1));
  assert.equal(lowRankSquares({ ...x, b: new Float64Array(20) }), 0);
});

test('deltas of different shapes have no inner product', () => {
  const random = seeded(1);
  assert.throws(() => lowRankInner(randomDelta(2, 3, 1, random), randomDelta(3, 2, 1, random)), RangeError);
});
