import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Table } from '../../src/protocol/artifact';
import { matchesEntry, placeOf, placeOfRow, rowMatcher, selectionText } from '../../webview/selection';

const columns = (...names: readonly string[]): Table['columns'] =>
  names.map((name) => ({ name, title: name, type: 'text' }));
const table = (names: readonly string[], rows: Table['rows']): Table => ({
  kind: 'table',
  id: 't',
  title: 't',
  columns: columns(...names),
  rows,
});

test('an entry stands for a selection where both name something and differ in nothing', () => {
  const selection = { layer: 'layers.3', module: 'mlp.up', task: 'rot90' };
  assert.equal(matchesEntry({ label: 'layer 3', layer: 'layers.3' }, selection), true);
  assert.equal(matchesEntry({ label: 'layer 4', layer: 'layers.4' }, selection), false);
  assert.equal(matchesEntry({ layer: 'layers.3', task: 'invert' }, selection), false);
  assert.equal(matchesEntry({ label: 'nowhere' }, selection), false);
  assert.equal(matchesEntry({ layer: 'layers.3' }, null), false);
});

test('rows are found by the key of the layer, or by its label where a table has only that', () => {
  const selection = { layer: 'layers.3', label: 'layer 3' };
  const byLabel = table(['layer', 'x'], [['layer 3', 1]]);
  assert.equal(rowMatcher(byLabel, selection)?.(['layer 3', 1]), true);
  const byKey = table(['layer', 'row'], []);
  assert.equal(rowMatcher(byKey, selection)?.(['layer 3', 'decoder.3']), false);
  assert.equal(rowMatcher(byKey, selection)?.(['other', 'layers.3']), true);
  assert.equal(rowMatcher(table(['x'], []), selection), null);
});

test('a pair of tasks stands for a selection of either', () => {
  const matches = rowMatcher(table(['scope', 'a', 'b'], []), { task: 'invert' });
  assert.deepEqual(
    [
      ['all', 'rot90', 'invert'],
      ['all', 'invert', 'vflip'],
      ['all', 'rot90', 'vflip'],
    ].map((row) => matches?.(row)),
    [true, true, false],
  );
});

test('what a row, or an entry, says of its place can be selected again', () => {
  const rows = table(['tensor', 'layer', 'row', 'head', 'task'], [['w', 'layer 3', 'layers.3', 2, null]]);
  const place = placeOfRow(rows, rows.rows[0] ?? []);
  assert.deepEqual(place, { layer: 'layers.3', head: 2, tensor: 'w', label: 'layer 3' });
  assert.equal(rowMatcher(rows, place)?.(rows.rows[0] ?? []), true);
  assert.deepEqual(placeOf({ label: 'rot90', task: 'rot90' }), { task: 'rot90' });
  assert.equal(placeOf({ label: 'whole model' }), null);
  assert.equal(selectionText(place ?? {}), 'layer 3 · head 2 · w');
});
