/** Which rows of a long list stand on screen, and how far below the top of the scrolled area the first of them stands. */
export interface RowWindow {
  readonly first: number;
  readonly count: number;
  readonly top: number;
}

// Browsers cut elements off beyond some 17 to 33 million pixels; half of the lowest limit is safe.
const TALLEST = 8_000_000;

/** Height of the scrolled area: that of all rows, as far as a browser can carry it. */
export function scrolledHeight(rows: number, rowHeight: number): number {
  return Math.min(rows * rowHeight, TALLEST);
}

/**
 * The window at a scroll position. Where all rows together are taller than a browser allows, the scroll bar stands for the whole
 * list in proportion, so both ends are reached exactly.
 */
export function rowWindow(rows: number, rowHeight: number, viewHeight: number, scrollTop: number): RowWindow {
  const height = scrolledHeight(rows, rowHeight);
  const room = Math.max(0, height - viewHeight);
  const hidden = Math.max(0, rows * rowHeight - viewHeight);
  const at = Math.min(Math.max(scrollTop, 0), room);
  const offset = room > 0 ? (at / room) * hidden : 0;
  const first = Math.max(0, Math.floor(offset / rowHeight) - 2);
  const count = Math.min(rows - first, Math.ceil(viewHeight / rowHeight) + 5);
  return { first, count, top: at - (offset - first * rowHeight) };
}

/** The scroll position that brings a row into view with the least movement; the given one when it is in view. */
export function scrollToRow(
  row: number,
  rows: number,
  rowHeight: number,
  viewHeight: number,
  scrollTop: number,
): number {
  const room = Math.max(0, scrolledHeight(rows, rowHeight) - viewHeight);
  const hidden = Math.max(0, rows * rowHeight - viewHeight);
  if (hidden === 0) return 0;
  const offset = (scrollTop / room) * hidden;
  const least = (row + 1) * rowHeight - viewHeight;
  const most = row * rowHeight;
  if (offset >= least && offset <= most) return scrollTop;
  const wanted = offset < least ? least : most;
  return (Math.min(Math.max(wanted, 0), hidden) / hidden) * room;
}
