import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bestAssignment } from '../../src/lens/assignment';

/** The largest sum over all permutations, by trying them. */
function slowBest(gains: readonly number[], n: number, row = 0, used: readonly number[] = []): number {
  if (row === n) return 0;
  let best = -Infinity;
  for (let column = 0; column < n; column++) {
    if (used.includes(column)) continue;
    const rest = slowBest(gains, n, row + 1, [...used, column]);
    best = Math.max(best, (gains[row * n + column] as number) + rest);
  }
  return best;
}

test('an assignment is one-to-one and has the largest sum of all', () => {
  const square = fc
    .integer({ min: 1, max: 6 })
    .chain((n) =>
      fc.tuple(fc.constant(n), fc.array(fc.integer({ min: -9, max: 9 }), { minLength: n * n, maxLength: n * n })),
    );
  fc.assert(
    fc.property(square, ([n, gains]) => {
      const columns = bestAssignment({ rows: n, columns: n, values: Float64Array.from(gains) });
      assert.equal(new Set(columns).size, n);
      const sum = columns.reduce((total, column, row) => total + (gains[row * n + column] as number), 0);
      assert.equal(sum, slowBest(gains, n));
    }),
    { numRuns: 200 },
  );
}); // prettier-ignore
