import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMatrices, type MatrixWork } from '../../src/lens/matrix-pass';
import { success } from '../../src/protocol/result';
import { slowPasses } from './slow-passes';

const values = (numbers: readonly number[]): MatrixWork => ({
  operation: { kind: 'singularValues' },
  load: () =>
    Promise.resolve(
      success({
        rows: 2,
        columns: 2,
        terms: [{ kind: 'values', weight: 1, values: Float64Array.from(numbers) }],
      }),
    ),
});

function contextOf(memoryBudget: number) {
  const slow = slowPasses();
  const batches: number[] = [];
  const told: number[] = [];
  const controller = new AbortController();
  const context = {
    passes: {
      run: (...[items, options]: Parameters<typeof slow.run>) => {
        batches.push(items.length);
        return slow.run(items, options);
      },
    },
    signal: controller.signal,
    memoryBudget,
    progress: (fraction: number) => told.push(fraction),
    log: () => undefined,
  };
  return { context, batches, told, controller };
}

const WORK = [1, 2, 3, 4, 5].map((size) => values([size, 0, 0, 0]));

test('outcomes come in the order of the work, whatever the memory has room for', async () => {
  for (const budget of [1, 1e3, 1e9]) {
    const taken: [number, number | undefined][] = [];
    const { context } = contextOf(budget);
    const read = await readMatrices(WORK, context, ({ singular }, index) =>
      taken.push([index, singular?.[0]]),
    );
    assert.ok(read.ok);
    assert.deepEqual(taken, [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ]);
  }
});

test('a batch holds no more than a quarter of the memory budget, and one matrix at least', async () => {
  // Four values and two singular values: 48 bytes each.
  for (const [budget, sizes] of [
    [4 * 100, [2, 2, 1]],
    [1, [1, 1, 1, 1, 1]],
    [4 * 240, [5]],
  ] as const) {
    const { context, batches } = contextOf(budget);
    await readMatrices(WORK, context, () => undefined);
    assert.deepEqual(batches, sizes);
  }
});

test('progress rises to 1', async () => {
  const { context, told } = contextOf(4 * 100);
  await readMatrices(WORK, context, () => undefined);
  assert.deepEqual(told, [...told].sort());
  assert.equal(told.at(-1), 1);
});

test('stops between batches when cancelled', async () => {
  const { context, controller, batches } = contextOf(1);
  const read = await readMatrices(WORK, context, () => controller.abort());
  assert.ok(!read.ok);
  assert.equal(read.problem.code, 'cancelled');
  assert.equal(batches.length, 1);
});
