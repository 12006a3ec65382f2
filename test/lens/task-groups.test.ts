import assert from 'node:assert/strict';
import { test } from 'node:test';
import { averageLinkage } from '../../src/lens/linkage';
import { cutTree, groupTasks, silhouettes } from '../../src/lens/task-groups';

/** Places on a line; distances are differences. */
function line(places: readonly number[]): Float64Array {
  return Float64Array.from(places.flatMap((p) => places.map((q) => Math.abs(p - q))));
}

const PLACES = [0, 10, 0.5, 10.5, 1, 30];
const DISTANCES = line(PLACES);
const MERGES = averageLinkage(DISTANCES, PLACES.length);

test('a cut of a dendrogram leaves as many groups as wanted, numbered as they appear', () => {
  assert.deepEqual(cutTree(MERGES, 6, 1), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(cutTree(MERGES, 6, 3), [0, 1, 0, 1, 0, 2]);
  assert.deepEqual(cutTree(MERGES, 6, 6), [0, 1, 2, 3, 4, 5]);
});

test('silhouettes are what their definition says', () => {
  const groups = [0, 1, 0, 1, 0, 2];
  const [first, , , , , last] = silhouettes(DISTANCES, groups);
  const inside = (0.5 + 1) / 2;
  const outside = (10 + 10.5) / 2;
  assert.ok(Math.abs((first ?? NaN) - (outside - inside) / outside) < 1e-12);
  assert.equal(last, 0);
});

test('the best number of groups is the one with the largest mean silhouette', () => {
  const found = groupTasks(DISTANCES, MERGES, 6, 0);
  const means = [2, 3, 4, 5].map((count) => {
    const own = silhouettes(DISTANCES, cutTree(MERGES, 6, count));
    return own.reduce((sum, value) => sum + value, 0) / 6;
  });
  assert.equal(found.mean, Math.max(...means));
  assert.equal(groupTasks(DISTANCES, MERGES, 6, 2).count, 2);
  assert.equal(groupTasks(DISTANCES, MERGES, 6, 99).count, 6);
});

test('tasks that are all equally far from each other form one group', () => {
  const equal = Float64Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 0 : 1));
  const { count, silhouettes: own, mean } = groupTasks(equal, averageLinkage(equal, 4), 4, 0);
  assert.deepEqual([count, own, mean], [1, null, null]);
});
