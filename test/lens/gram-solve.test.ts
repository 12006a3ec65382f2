import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { explainedShare, lasso, leastSquares } from '../../src/lens/gram-solve';

const entry = fc.integer({ min: -50, max: 50 }).map((value) => value / 10);
const vectors = fc.array(fc.array(entry, { minLength: 7, maxLength: 7 }), { minLength: 2, maxLength: 5 });

const inner = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);

function problem([target = [], ...sources]: readonly (readonly number[])[]) {
  return {
    target,
    sources,
    gram: Float64Array.from(sources.flatMap((s) => sources.map((u) => inner(s, u)))),
    b: Float64Array.from(sources, (s) => inner(s, target)),
    squares: inner(target, target),
  };
}

function residual(
  target: readonly number[],
  sources: readonly (readonly number[])[],
  c: Float64Array,
): number[] {
  return target.map(
    (value, at) => value - sources.reduce((sum, s, k) => sum + (c[k] ?? NaN) * (s[at] ?? NaN), 0),
  );
}

test('the residual of least squares is at right angles to every source', () => {
  fc.assert(
    fc.property(vectors, (given) => {
      const { target, sources, gram, b, squares } = problem(given);
      const c = leastSquares(gram, b);
      const rest = residual(target, sources, c);
      for (const source of sources) {
        assert.ok(Math.abs(inner(rest, source)) <= 1e-6 * (1 + squares + inner(source, source)));
      }
      const share = explainedShare(gram, b, squares, c);
      if (squares > 0) assert.ok(Math.abs((share ?? NaN) - (1 - inner(rest, rest) / squares)) < 1e-6);
      else assert.equal(share, null);
    }),
    { numRuns: 60 },
  );
});

test('a combination of the sources is found again, and explained whole', () => {
  const sources = [
    [1, 2, 0, 1],
    [0, 1, 1, -1],
    [1, 3, 1, 0], // the sum of the two before
  ];
  const target = (sources[0] ?? []).map((value, at) => 2 * value - 0.5 * (sources[1]?.[at] ?? NaN));
  const { gram, b, squares } = problem([target, ...sources]);
  const c = leastSquares(gram, b);
  assert.ok(Math.abs((explainedShare(gram, b, squares, c) ?? NaN) - 1) < 1e-12);
  assert.ok(residual(target, sources, c).every((value) => Math.abs(value) < 1e-9));
  assert.equal([...c].filter((value) => value === 0).length, 1);
  const two = problem([target, ...sources.slice(0, 2)]);
  const [first, second] = leastSquares(two.gram, two.b);
  assert.ok(Math.abs((first ?? NaN) - 2) < 1e-12 && Math.abs((second ?? NaN) + 0.5) < 1e-12);
});

test('the sparse combination satisfies the conditions of its minimum', () => {
  fc.assert(
    fc.property(vectors, fc.integer({ min: 1, max: 9 }), (given, tenth) => {
      const { target, sources, gram, b, squares } = problem(given);
      const most = b.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
      fc.pre(most > 0);
      const mu = (most * tenth) / 10;
      const nu = lasso(gram, b, squares, mu);
      const rest = residual(target, sources, nu);
      // Karush–Kuhn–Tucker: ⟨τₛ, rest⟩ = μ·sign(νₛ) where νₛ ≠ 0, at most μ in size elsewhere.
      sources.forEach((source, s) => {
        const slope = inner(source, rest);
        const tolerance = 1e-6 * (1 + mu);
        if (nu[s] === 0) assert.ok(Math.abs(slope) <= mu + tolerance);
        else assert.ok(Math.abs(slope - mu * Math.sign(nu[s] ?? 0)) <= tolerance);
      });
    }),
    { numRuns: 60 },
  );
});

test('without a penalty it is least squares, with the largest nothing is left', () => {
  const { gram, b, squares } = problem([
    [3, 1, 2, 0],
    [1, 0, 1, 0],
    [0, 1, 0, 2],
  ]);
  const [least, free] = [leastSquares(gram, b), lasso(gram, b, squares, 0)];
  least.forEach((value, s) => assert.ok(Math.abs(value - (free[s] ?? NaN)) < 1e-9));
  const most = Math.max(...b.map(Math.abs));
  assert.deepEqual([...lasso(gram, b, squares, most)], [0, 0]);
});
