import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rowWindow, scrolledHeight, scrollToRow } from '../../webview/table/virtual-rows';
import { columnWidths } from '../../webview/table/column-widths';

const ROW = 24;
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 3_000_000 }),
  view: fc.integer({ min: 50, max: 2000 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});

test('the scrolled area never grows beyond what browsers can lay out', () => {
  assert.equal(scrolledHeight(100, ROW), 2400);
  assert.ok(scrolledHeight(10_000_000, ROW) < 16_000_000);
});

test('at every scroll position the rows in the window cover the view', () => {
  fc.assert(
    fc.property(sizes, ({ rows, view, share }) => {
      const scrollTop = share * Math.max(0, scrolledHeight(rows, ROW) - view);
      const { first, count, top } = rowWindow(rows, ROW, view, scrollTop);
      assert.ok(first >= 0 && first + count <= rows);
      assert.ok(top <= scrollTop + 1e-6);
      const covered = top + count * ROW;
      assert.ok(covered >= Math.min(scrollTop + view, scrolledHeight(rows, ROW)) - 1e-3);
      assert.ok(count <= view / ROW + 7);
    }),
  );
});

test('the first and the last row can be reached', () => {
  fc.assert(
    fc.property(sizes, ({ rows, view }) => {
      assert.equal(rowWindow(rows, ROW, view, 0).first, 0);
      const end = rowWindow(rows, ROW, view, scrolledHeight(rows, ROW) - view);
      assert.equal(end.first + end.count, rows);
    }),
  );
});

test('scrolling to a row brings the whole row into view', () => {
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), ({ rows, view, share }, where) => {
      const row = Math.floor(where * (rows - 1));
      const before = share * Math.max(0, scrolledHeight(rows, ROW) - view);
      const scrollTop = scrollToRow(row, rows, ROW, view, before);
      const { first, top } = rowWindow(rows, ROW, view, scrollTop);
      const y = top + (row - first) * ROW - scrollTop;
      assert.ok(y >= -0.5 && y + ROW <= Math.max(view, ROW) + 0.5, `row at ${String(y)}`);
    }),
  );
});

test('a row that is in view does not move', () => {
  assert.equal(scrollToRow(12, 1000, ROW, 480, 100), 100);
});

test('columns fill the room by their shares, and keep what they need where there is too little', () => {
  const columns = [
    { least: 100, grow: 3 },
    { least: 50, grow: 1 },
  ];
  assert.deepEqual(columnWidths(columns, 550), [400, 150]);
  assert.deepEqual(columnWidths(columns, 90), [100, 50]);
});
