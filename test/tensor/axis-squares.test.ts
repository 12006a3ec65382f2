import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { merge, prepare } from '../../src/tensor/kernels/registry';
import type { PassOutcome } from '../../src/tensor/pass';
import { bytesOf, doubles, isClose } from './oracle';
import { slowAxisSquares } from './slow-axes';

const entry = fc.oneof(
  { weight: 20, arbitrary: fc.double({ min: -4, max: 4, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) },
);

function assertAxes(
  values: readonly number[],
  columns: number,
  depth: number,
  cuts: readonly number[],
): void {
  const item = { kind: 'axisSquares' as const, span: doubles(values.length), columns, depth };
  const borders = [...new Set([0, ...cuts.filter((cut) => cut < values.length), values.length])].sort(
    (x, y) => x - y,
  );
  const reducer = prepare(item, new Scratch());
  const parts = borders.slice(0, -1).map((start, k): PassOutcome => {
    const end = borders[k + 1] as number;
    return reducer({ start, end, bytes: [bytesOf(Float64Array.from(values.slice(start, end)))] });
  });
  const found = parts.reduce(merge);
  const expected = slowAxisSquares(values, columns, depth);
  assert.ok(found.kind === 'axisSquares');
  assert.deepEqual([found.firstRow, found.skipped], [0, expected.skipped]);
  for (const axis of ['rows', 'columns'] as const) {
    assert.equal(found[axis].length, expected[axis].length);
    found[axis].forEach((sum, k) => assert.ok(isClose(sum, expected[axis][k] ?? NaN, 1e-12, 1e-300), axis));
  }
}

test('rows and columns agree with their definition, wherever chunks begin, also inside a row', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(entry),
      fc.array(fc.nat(100), { maxLength: 4 }),
      (rows, columns, depth, stream, cuts) => {
        assertAxes([...stream.take(rows * columns * depth)], columns, depth, cuts);
      },
    ),
    { numRuns: 150 },
  );
});

test('rows longer than a block are summed whole', () => {
  const values = Array.from({ length: 3 * 5000 }, (_, i) => (i % 7) - 3);
  assertAxes(values, 5000, 1, [2048, 6000]);
  assertAxes(values, 50, 100, [2048, 6000]);
});
