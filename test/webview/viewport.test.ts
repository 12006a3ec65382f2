import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { moveCursor } from '../../webview/heatmap/cursor-keys';
import {
  cellSize,
  constrain,
  labelled,
  mostZoom,
  panBy,
  plotSize,
  reveal,
  visibleSpan,
  WHOLE,
  zoomAt,
} from '../../webview/heatmap/viewport';

const axis = fc.record({
  count: fc.integer({ min: 1, max: 5000 }),
  room: fc.integer({ min: 40, max: 1500 }),
  comfortable: fc.constantFrom(22, 28, 42),
});
const viewport = fc.record({
  zoom: fc.double({ min: 0.1, max: 300, noNaN: true }),
  column: fc.double({ min: -100, max: 6000, noNaN: true }),
  row: fc.double({ min: -100, max: 6000, noNaN: true }),
});
const point = fc.record({
  x: fc.double({ min: 0, max: 1, noNaN: true }),
  y: fc.double({ min: 0, max: 1, noNaN: true }),
});

test('a small matrix is shown whole, in comfortable cells, and cannot be zoomed', () => {
  const columns = { count: 8, room: 1000, comfortable: 42 };
  const rows = { count: 12, room: 600, comfortable: 28 };
  assert.equal(cellSize(columns, 1), 42);
  assert.equal(plotSize(columns, 1), 8 * 42);
  assert.equal(mostZoom(columns, rows), 1);
});

test('a large matrix fits its room at zoom 1 and reaches comfortable cells in both directions', () => {
  const columns = { count: 60, room: 1200, comfortable: 42 };
  const rows = { count: 4000, room: 500, comfortable: 28 };
  assert.equal(plotSize(rows, 1), 500);
  const zoom = mostZoom(columns, rows);
  assert.equal(cellSize(columns, zoom), 42);
  assert.equal(cellSize(rows, zoom), 28);
});

test('a constrained viewport never shows anything beyond the matrix', () => {
  fc.assert(
    fc.property(axis, axis, viewport, (columns, rows, wanted) => {
      const { zoom, row, column } = constrain(wanted, columns, rows);
      for (const [at, along] of [
        [row, rows],
        [column, columns],
      ] as const) {
        assert.ok(at >= 0);
        assert.ok(at + plotSize(along, zoom) / cellSize(along, zoom) <= along.count + 1e-6);
      }
    }),
  );
});

test('what is under the pointer stays there while zooming in', () => {
  fc.assert(
    fc.property(axis, axis, viewport, point, (columns, rows, start, where) => {
      const before = constrain(start, columns, rows);
      const at = { x: where.x * plotSize(columns, before.zoom), y: where.y * plotSize(rows, before.zoom) };
      const after = zoomAt(before, before.zoom * 1.5, at, columns, rows);
      const under = (view: typeof before) => view.row + at.y / cellSize(rows, view.zoom);
      // Only the bounds may move it: not when both edges are off screen.
      const end = after.row + plotSize(rows, after.zoom) / cellSize(rows, after.zoom);
      if (after.row > 1e-6 && end < rows.count - 1e-6)
        assert.ok(Math.abs(under(before) - under(after)) < 1e-6);
    }),
  );
});

test('moving there and back again ends where it began', () => {
  const columns = { count: 60, room: 1200, comfortable: 42 };
  const rows = { count: 4000, room: 500, comfortable: 28 };
  const start = zoomAt(WHOLE, 100, { x: 600, y: 250 }, columns, rows);
  const back = panBy(panBy(start, 30, -50, columns, rows), -30, 50, columns, rows);
  assert.ok(Math.abs(back.row - start.row) < 1e-9 && Math.abs(back.column - start.column) < 1e-9);
});

test('revealing a cell brings it on screen whole', () => {
  fc.assert(
    fc.property(axis, axis, viewport, point, (columns, rows, start, where) => {
      const cell = {
        row: Math.floor(where.y * (rows.count - 1)),
        column: Math.floor(where.x * (columns.count - 1)),
      };
      const shown = reveal(constrain(start, columns, rows), cell, columns, rows);
      const end = shown.row + plotSize(rows, shown.zoom) / cellSize(rows, shown.zoom);
      assert.ok(cell.row >= shown.row - 1e-6);
      // A room smaller than one cell can show its upper part only.
      if (end - shown.row >= 1) assert.ok(cell.row + 1 <= end + 1e-6);
      const [first, last] = visibleSpan(shown.row, rows, shown.zoom);
      assert.ok(first <= cell.row && cell.row < last);
    }),
  );
});

test('labels stand at round steps and never closer than asked', () => {
  assert.deepEqual(labelled(0, 5, 20, 13), [0, 1, 2, 3, 4]);
  assert.deepEqual(labelled(7, 30, 5, 13), [10, 15, 20, 25]);
  assert.deepEqual(labelled(0, 4000, 0.125, 13).slice(0, 3), [0, 200, 400]);
});

test('keys move the cursor and stop at the edges', () => {
  const size = { rows: 30, columns: 5 };
  const at = { row: 3, column: 2 };
  assert.deepEqual(moveCursor(null, 'ArrowDown', false, size), { row: 0, column: 0 });
  assert.deepEqual(moveCursor(at, 'ArrowDown', false, size), { row: 4, column: 2 });
  assert.deepEqual(moveCursor(at, 'ArrowLeft', false, size), { row: 3, column: 1 });
  assert.deepEqual(moveCursor(at, 'PageDown', false, size), { row: 13, column: 2 });
  assert.deepEqual(moveCursor(at, 'PageUp', false, size), { row: 0, column: 2 });
  assert.deepEqual(moveCursor(at, 'Home', false, size), { row: 3, column: 0 });
  assert.deepEqual(moveCursor(at, 'End', true, size), { row: 29, column: 4 });
  assert.equal(moveCursor(at, 'x', false, size), null);
  assert.equal(moveCursor(null, 'ArrowDown', false, { rows: 0, columns: 0 }), null);
});
