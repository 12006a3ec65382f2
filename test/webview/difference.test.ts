import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Artifact, Matrix, Table } from '../../src/protocol/artifact';
import { differenceOf } from '../../webview/study/difference';
import { result } from './sample-results';

const MATRIX: Matrix = {
  kind: 'matrix',
  id: 'm',
  title: 'Norm',
  rows: [{ label: 'layer 0', layer: 'layers.0' }],
  columns: [{ label: 'up' }, { label: 'down' }, { label: 'norm' }],
  rowTitle: 'layer',
  columnTitle: 'module',
  values: [1, 2, null],
  unit: '‖τ‖',
  scale: 'sequential',
  domain: [0, 2],
};
const TABLE: Table = {
  kind: 'table',
  id: 't',
  title: 'Tensors',
  columns: [
    { name: 'tensor', title: 'Tensor', type: 'text' },
    { name: 'bytes', title: 'Size', type: 'bytes' },
  ],
  rows: [
    ['a', 10],
    ['b', 4],
  ],
};

function difference(before: readonly Artifact[], after: readonly Artifact[]): readonly Artifact[] {
  return differenceOf(result('l', ['x'], before), result('l', ['x'], after)).artifacts;
}

test('cells differ by b − a over a range around zero; undefined in either is undefined', () => {
  const [found] = difference([MATRIX], [{ ...MATRIX, values: [4, 1, 7] }]);
  assert.ok(found?.kind === 'matrix');
  assert.deepEqual(found.values, [3, -1, null]);
  assert.deepEqual(found.domain, [-3, 3]);
  assert.equal(found.scale, 'diverging');
  assert.match(
    `${found.title} ${found.unit} ${found.caption ?? ''}`,
    /Difference · Norm difference of ‖τ‖ b − a/,
  );
});

test('matrices with other axes, and categories, have no difference, and a note says so', () => {
  const renamed = { ...MATRIX, rows: [{ label: 'layer 1' }] };
  assert.deepEqual(
    difference([MATRIX], [renamed]).map(({ kind }) => kind),
    ['note'],
  );
  const groups = { ...MATRIX, scale: 'categorical' as const };
  assert.deepEqual(
    difference([groups], [groups]).map(({ kind }) => kind),
    ['note'],
  );
});

test('rows of tables are found by their texts, whatever their order; those of one side only are counted', () => {
  const [found] = difference(
    [TABLE],
    [
      {
        ...TABLE,
        rows: [
          ['c', 1],
          ['b', 1],
          ['a', null],
        ],
      },
    ],
  );
  assert.ok(found?.kind === 'table');
  assert.deepEqual(found.rows, [
    ['b', -3],
    ['a', null],
  ]);
  assert.equal(found.columns[1]?.type, 'number');
  assert.match(found.caption ?? '', /Rows that only one of the results has: 1\./);
});
