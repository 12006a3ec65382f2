import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dense } from '../../../src/tensor/linear/dense';
import { entriesOf, type Entries } from '../../../src/tensor/linear/entries';
import { LONGEST_SIDE, spectrumOf } from '../../../src/tensor/linear/large-spectrum';
import { NEVER, Stopped } from '../../../src/tensor/linear/stop';
import { singularValues } from '../../../src/tensor/linear/svd';
import { assertNear, random } from './matrices';

/** The matrix with zeros after it, so many rows or columns in all: too large to be held, with the same singular values. */
function padded(matrix: Dense, rows: number, columns: number): Entries {
  return {
    rows,
    columns,
    hasColumns: true,
    read(firstRow, endRow, firstColumn, endColumn, target) {
      const width = endColumn - firstColumn;
      for (let i = firstRow; i < endRow; i++) {
        for (let j = firstColumn; j < endColumn; j++) {
          const inside = i < matrix.rows && j < matrix.columns;
          target[(i - firstRow) * width + j - firstColumn] = inside
            ? (matrix.values[i * matrix.columns + j] as number)
            : 0;
        }
      }
    },
  };
}

test('a matrix too large to be held has the singular values of what is in it, tall or wide', () => {
  const matrix = random(40, 30, 1);
  const expected = singularValues(matrix).values;
  for (const [rows, columns] of [
    [600_000, 40],
    [40, 600_000],
  ] as const) {
    const found = spectrumOf(padded(matrix, rows, columns), NEVER);
    assert.ok(found !== null);
    assert.equal(found.values.length, 40);
    assertNear(found.values.slice(0, 30), expected, 1e-12 * (expected[0] as number));
    assert.ok(found.values.slice(30).every((value) => value <= found.error));
    assert.ok(found.error < 1e-4 * (expected[0] as number));
  }
});

for (const [rows, columns] of [
  [1300, 850],
  [850, 1300],
] as const) {
  test(`a ${rows} × ${columns} matrix is read once, piece by piece`, () =>
    readOnce(random(rows, columns, 2)));
}

function readOnce(matrix: Dense): void {
  let read = 0;
  const entries = entriesOf(matrix);
  const counting: Entries = {
    ...entries,
    read(...place) {
      read += (place[1] - place[0]) * (place[3] - place[2]);
      entries.read(...place);
    },
  };
  const found = spectrumOf(counting, NEVER);
  assert.equal(read, matrix.values.length);
  assert.deepEqual(found, singularValues(matrix));
}

test('a shorter side beyond what memory holds is refused, before anything is read', () => {
  const side = LONGEST_SIDE + 1;
  const entries: Entries = {
    rows: side,
    columns: side,
    hasColumns: true,
    read: () => assert.fail('this must not be read'),
  };
  assert.equal(spectrumOf(entries, NEVER), null);
});

test('reading is given up when nobody waits for the singular values any more', () => {
  let stages = 0;
  const stop = (): void => {
    if (++stages === 2) throw new Stopped();
  };
  assert.throws(() => spectrumOf(padded(random(4, 4, 1), 600_000, 40), stop), Stopped);
});
