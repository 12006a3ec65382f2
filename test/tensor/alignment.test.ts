import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reduceMatrix } from '../../src/tensor/kernels/matrix';
import type { MatrixOutcome, MatrixSource } from '../../src/tensor/matrix-source';
import { OpenFiles } from '../../src/tensor/open-files';
import type { LowRankDelta, PassItem } from '../../src/tensor/pass';
import { slowMatrix } from '../lens/slow-matrix';
import { doubles, randomDelta, seeded } from './oracle';

const random = seeded(7);

function dense(rows: number, columns: number): MatrixSource {
  const values = Float64Array.from({ length: rows * columns }, () => random() - 0.5);
  return { rows, columns, terms: [{ kind: 'values', weight: 1, values }] };
}

function factored(rows: number, columns: number, rank: number, weight = 1): MatrixSource {
  const delta: LowRankDelta = randomDelta(rows, columns, rank, random);
  const base = doubles(rows * columns);
  return { rows, columns, terms: [{ kind: 'delta', weight, base, task: { kind: 'lowRank', delta } }] };
}

function fast(item: Extract<PassItem, { kind: 'matrix' }>): MatrixOutcome {
  const outcome = reduceMatrix(item, new OpenFiles());
  assert.ok(!('code' in outcome));
  return outcome;
}

function assertClose(actual: Float64Array | null, expected: Float64Array | null, what: string): void {
  assert.ok(actual && expected);
  assert.equal(actual.length, expected.length, what);
  const size = Math.max(...expected);
  for (const [at, value] of expected.entries()) {
    assert.ok(Math.abs((actual[at] ?? NaN) - value) <= 1e-10 * size, `${what} ${String(at)}`);
  }
}

const noSlowRead = () => assert.fail('nothing is read from a file');

for (const [rows, columns] of [
  [5, 4],
  [4, 9],
  [3, 600],
] as const) {
  test(`the energies of parts along a ${String(rows)} × ${String(columns)} matrix are those of the slow one`, () => {
    const parts = [dense(rows, columns), factored(rows, columns, 2, -3), dense(rows, columns + 2)];
    const item = {
      kind: 'matrix',
      source: dense(rows, columns),
      operation: { kind: 'alignment', parts },
    } as const;
    const [actual, expected] = [fast(item), slowMatrix(item, noSlowRead)];
    assertClose(actual.singular, expected.singular, 'singular');
    assertClose(actual.energies, expected.energies, 'energies');
    assertClose(actual.squares, expected.squares, 'squares');
    assert.deepEqual([actual.left, actual.right, actual.values], [null, null, null]);
  });
}

test('all directions of a full matrix hold all of a part', () => {
  const parts = [factored(6, 5, 1), dense(6, 6)];
  const { energies, squares } = fast({
    kind: 'matrix',
    source: dense(6, 8),
    operation: { kind: 'alignment', parts },
  });
  for (const part of [0, 1]) {
    const sum = energies?.subarray(part * 6, part * 6 + 6).reduce((total, value) => total + value, 0) ?? NaN;
    assert.ok(Math.abs(sum - (squares?.[part] ?? NaN)) < 1e-12 * sum);
  }
});

test('a part that is not finite spoils no other', () => {
  const broken: MatrixSource = {
    rows: 2,
    columns: 1,
    terms: [{ kind: 'values', weight: 1, values: Float64Array.from([NaN, 1]) }],
  };
  const parts = [broken, dense(2, 3)];
  const { energies } = fast({ kind: 'matrix', source: dense(2, 2), operation: { kind: 'alignment', parts } });
  assert.ok(Number.isNaN(energies?.[0]) && Number.isNaN(energies?.[1]));
  assert.ok(Number.isFinite(energies?.[2]) && Number.isFinite(energies?.[3]));
});
