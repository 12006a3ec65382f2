import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { averageLinkage, leafOrder, type Merge } from '../../src/lens/linkage';

/** Average linkage by its definition: mean distance over all pairs of members, recomputed for every step. */
function byDefinition(distances: Float64Array, n: number): number[] {
  let clusters = Array.from({ length: n }, (_, leaf) => [leaf]);
  const heights: number[] = [];
  while (clusters.length > 1) {
    let best = { height: Infinity, pair: [[], []] as [number[], number[]] };
    let second = Infinity;
    for (const [index, x] of clusters.entries()) {
      for (const y of clusters.slice(index + 1)) {
        const all = x.flatMap((i) => y.map((j) => distances[i * n + j] as number));
        const height = all.reduce((sum, value) => sum + value, 0) / all.length;
        if (height < best.height) {
          second = best.height;
          best = { height, pair: [x, y] };
        } else second = Math.min(second, height);
      }
    }
    // Means that are equal but for rounding may be joined in either order, and what follows then differs.
    fc.pre(second - best.height > 1e-9);
    heights.push(best.height);
    const [x, y] = best.pair;
    clusters = [...clusters.filter((cluster) => cluster !== x && cluster !== y), [...x, ...y]];
  }
  return heights;
}

/** Symmetric, 0 on the diagonal, all distances different. */
const matrix = fc
  .uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 21, maxLength: 21 })
  .map((values) => {
    const n = 7;
    const distances = new Float64Array(n * n);
    let next = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++)
        distances[i * n + j] = distances[j * n + i] = (values[next++] as number) / 7919;
    }
    return { distances, n };
  });

test('merges at the mean distance between members', () => {
  fc.assert(
    fc.property(matrix, ({ distances, n }) => {
      const heights = averageLinkage(distances, n).map(({ height }) => height);
      for (const [index, height] of byDefinition(distances, n).entries()) {
        assert.ok(Math.abs((heights[index] ?? NaN) - height) < 1e-9);
      }
    }),
  );
});

test('average linkage never goes back down, and its leaves come out once each', () => {
  fc.assert(
    fc.property(matrix, ({ distances, n }) => {
      const merges = averageLinkage(distances, n);
      const heights = merges.map(({ height }) => height);
      for (let k = 1; k < heights.length; k++)
        assert.ok((heights[k] as number) >= (heights[k - 1] as number) - 1e-12);
      assert.deepEqual(
        leafOrder(merges, n).sort((a, b) => a - b),
        [0, 1, 2, 3, 4, 5, 6],
      );
    }),
  );
});

test('joins equal distances in the given order', () => {
  const merges: Merge[] = averageLinkage(new Float64Array([0, 1, 1, 1, 0, 1, 1, 1, 0]), 3);
  assert.deepEqual(merges, [
    { left: 0, right: 1, height: 1 },
    { left: 3, right: 2, height: 1 },
  ]);
  assert.deepEqual(leafOrder(merges, 3), [0, 1, 2]);
});

test('one leaf needs no merge', () => {
  assert.deepEqual(
    [averageLinkage(new Float64Array(1), 1), leafOrder([], 1), leafOrder([], 0)],
    [[], [0], []],
  );
});
