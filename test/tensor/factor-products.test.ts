import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factoredSquares, forFactorPairs, innerOf } from '../../src/tensor/factor-products';
import type { LowRankDelta } from '../../src/tensor/pass';

function deltaOf(rows: number, columns: number, rank: number, seed: number): LowRankDelta {
  const wave = (count: number, step: number) =>
    Float64Array.from({ length: count }, (_, at) => Math.sin(seed + step * at * at));
  return {
    scale: 1 + seed / 7,
    rows,
    columns,
    rank,
    b: wave(rows * rank, 0.7),
    a: wave(rank * columns, 1.3),
  };
}

/** s·B·A, entry by entry. */
function product({ scale, rows, columns, rank, b, a }: LowRankDelta): number[] {
  return Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += (b[i * rank + k] ?? NaN) * (a[k * columns + j] ?? NaN);
    return scale * sum;
  });
}

const inner = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);

test('inner products of many deltas are those of the products, whatever their ranks', () => {
  // Ranks add up to several runs of stacked factors.
  const deltas = Array.from({ length: 40 }, (_, at) => deltaOf(13, 9, 1 + ((at * 5) % 17), at));
  const products = deltas.map(product);
  const seen = new Set<string>();
  forFactorPairs(deltas, (i, j, own) => {
    const [x, y] = [deltas[i], deltas[j]];
    assert.ok(x && y && i <= j);
    seen.add(`${String(i)} ${String(j)}`);
    const wanted = inner(products[i] ?? [], products[j] ?? []);
    const size = Math.sqrt(
      inner(products[i] ?? [], products[i] ?? []) * inner(products[j] ?? [], products[j] ?? []),
    );
    assert.ok(Math.abs(innerOf(x, y, own) - wanted) <= 1e-12 * size, `${String(i)} ${String(j)}`);
  });
  assert.equal(seen.size, (40 * 41) / 2);
});

test('what is missing or of another shape is left out', () => {
  const seen: string[] = [];
  forFactorPairs([null, deltaOf(4, 3, 2, 1), deltaOf(3, 4, 2, 2), deltaOf(4, 3, 1, 3)], (i, j) => {
    seen.push(`${String(i)}${String(j)}`);
  });
  assert.deepEqual(seen.sort(), ['11', '13', '33']);
  forFactorPairs([], () => assert.fail('there is no pair'));
});

test('the squared norm is never negative, and NaN where a factor is not finite', () => {
  const zero = { ...deltaOf(5, 4, 2, 1), b: new Float64Array(10) };
  assert.equal(factoredSquares(zero), 0);
  const own = deltaOf(5, 4, 2, 1);
  const broken = { ...own, a: own.a.map((value, at) => (at === 3 ? NaN : value)) };
  assert.ok(Number.isNaN(factoredSquares(broken)));
});
