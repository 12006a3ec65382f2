import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvText, matricesToCsv, matrixToCsv, resultToCsv, tableToCsv } from '../../src/figure/csv';
import type { LensResult, Matrix, Table } from '../../src/protocol/artifact';

/** A small reader of RFC 4180, character by character. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quoted) {
      if (character !== '"') field += character;
      else if (text.charAt(at + 1) === '"') field += text.charAt((at += 1));
      else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ',') {
      row.push(field);
      field = '';
    } else if (character === '\r' && text.charAt(at + 1) === '\n') {
      rows.push([...row, field]);
      row = [];
      field = '';
      at += 1;
    } else field += character;
  }
  assert.equal(quoted, false, 'an open quote at the end');
  assert.equal(field, '', 'a row without an end');
  return rows;
}

const MATRIX: Matrix = {
  kind: 'matrix',
  id: 'm',
  title: 'M',
  facets: { task: 'a', metric: 'norm' },
  rows: [{ label: 'layer 0' }, { label: 'layer, "one"' }],
  columns: [{ label: 'x' }, { label: 'y' }, { label: 'z' }],
  rowTitle: 'layer',
  columnTitle: 'module',
  values: [0.1, null, 3, -4e-12, 5, 6],
  unit: '',
  scale: 'sequential',
  domain: [0, 6],
  orders: [{ title: 'turned', rows: [1, 0], columns: [2, 1, 0] }],
};

test('any texts without formula signs come back from CSV as they were', () => {
  const cell = fc.string({ unit: 'grapheme' }).filter((text) => !/^[=+\-@\t\r]/.test(text));
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { minLength: 1 }), (rows) => {
      assert.deepEqual(readCsv(csvText(rows)), rows);
    }),
  );
});

test('any finite numbers come back from CSV exactly', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
      (numbers) => {
        const [row = []] = readCsv(csvText([numbers]));
        row.forEach((text, index) => assert.equal(Number(text), (numbers[index] ?? 0) + 0));
      },
    ),
  );
});

test('a list of numbers comes back from CSV as JSON', () => {
  for (const list of [[], [0.1], [3, -2e-300, 1 / 3]]) {
    const [row] = readCsv(csvText([[list, 'next']]));
    assert.deepEqual([JSON.parse(row?.[0] ?? ''), row?.[1]], [list, 'next']);
  }
});

test('a text that a spreadsheet would run gets an apostrophe, a negative number does not', () => {
  const cells = ['=cmd()', '+1+1', '-2+3', '@SUM(A1)', '\tx', '-0.5', '+3', '-1e-7', '.=a'];
  const wanted = ["'=cmd()", "'+1+1", "'-2+3", "'@SUM(A1)", "'\tx", '-0.5', '+3', '-1e-7', '.=a'];
  assert.deepEqual(readCsv(csvText([cells])), [wanted]);
});

test('a matrix is written with its labels, undefined cells empty', () => {
  assert.deepEqual(readCsv(matrixToCsv(MATRIX)), [
    ['layer', 'x', 'y', 'z'],
    ['layer 0', '0.1', '', '3'],
    ['layer, "one"', '-4e-12', '5', '6'],
  ]);
});

test('a matrix is written in the order that is asked for', () => {
  assert.deepEqual(readCsv(matrixToCsv(MATRIX, 'turned')), [
    ['layer', 'z', 'y', 'x'],
    ['layer, "one"', '6', '5', '-4e-12'],
    ['layer 0', '3', '', '0.1'],
  ]);
});

test('several matrices get a column for the facet that varies', () => {
  const other = { ...MATRIX, facets: { task: 'b', metric: 'norm' } };
  const rows = readCsv(matricesToCsv([MATRIX, other]));
  assert.deepEqual(rows[0], ['task', 'layer', 'x', 'y', 'z']);
  assert.deepEqual(
    rows.slice(1).map((row) => row.slice(0, 2)),
    [
      ['a', 'layer 0'],
      ['a', 'layer, "one"'],
      ['b', 'layer 0'],
      ['b', 'layer, "one"'],
    ],
  );
});

test('a table is written with its column names, hidden columns too', () => {
  const table: Table = {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'norm', title: 'Norm', type: 'number' },
      { name: 'tied', title: 'Tied', type: 'boolean', hidden: true },
    ],
    rows: [
      ['a.weight', 0.1 + 0.2, true],
      ['b', null, false],
    ],
  };
  const wanted = [
    ['tensor', 'norm', 'tied'],
    ['a.weight', '0.30000000000000004', 'true'],
    ['b', '', 'false'],
  ];
  assert.deepEqual(readCsv(tableToCsv(table)), wanted);
  assert.deepEqual(readCsv(resultToCsv(resultOf([MATRIX, table]))), wanted);
});

test('a result without a table is written cell by cell', () => {
  const rows = readCsv(resultToCsv(resultOf([MATRIX])));
  assert.equal(rows.length, 7);
  assert.deepEqual(rows[2], ['m', 'layer 0', 'y', '']);
  assert.deepEqual(rows[3], ['m', 'layer 0', 'z', '3']);
});

function resultOf(artifacts: LensResult['artifacts']): LensResult {
  const nothing = { parameters: {}, inputs: [], findings: [], elapsedMs: 0, bytesRead: 0 };
  return { lens: 'l', version: 1, study: 's', artifacts, ...nothing };
}
