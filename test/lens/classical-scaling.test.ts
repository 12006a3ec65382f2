import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { classicalScaling } from '../../src/lens/classical-scaling';

const coordinate = fc.integer({ min: -1000, max: 1000 }).map((value) => value / 100);

function distancesBetween(points: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(
    points.flatMap((p) => points.map((q) => Math.hypot(...p.map((value, k) => value - (q[k] ?? 0))))),
  );
}

test('points of a plane are found again, up to turning', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 8 }), (points) => {
      const n = points.length;
      const distances = distancesBetween(points);
      const { x, y, stress } = classicalScaling(distances, n);
      const found = distancesBetween(Array.from({ length: n }, (_, i) => [x[i] ?? NaN, y[i] ?? NaN]));
      found.forEach((value, at) => assert.ok(Math.abs(value - (distances[at] ?? NaN)) < 1e-6));
      assert.ok(stress === null || stress < 1e-6);
    }),
    { numRuns: 50 },
  );
});

test('the stress is what a plane misses of distances that need more dimensions', () => {
  // A regular tetrahedron with edges of 1: its projection on the best plane is a square with diagonals of 1.
  const distances = Float64Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 0 : 1));
  const { x, y, stress } = classicalScaling(distances, 4);
  let missed = 0;
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < i; j++) {
      missed += (1 - Math.hypot((x[i] ?? 0) - (x[j] ?? 0), (y[i] ?? 0) - (y[j] ?? 0))) ** 2;
    }
  }
  assert.ok(Math.abs((stress ?? NaN) - Math.sqrt(missed / 6)) < 1e-12);
  assert.ok((stress ?? 0) > 0.1);
});

test('tasks without any distance lie on one point, without stress', () => {
  const { x, y, stress } = classicalScaling(new Float64Array(9), 3);
  assert.ok([...x, ...y].every((value) => Math.abs(value) < 1e-12));
  assert.equal(stress, null);
  assert.deepEqual([...classicalScaling(new Float64Array(1), 1).x], [0]);
});
