/** One direction of a heatmap: how many cells, and the pixels there are for them. */
export interface AxisRoom {
  readonly count: number;
  readonly room: number;
  /** Size beyond which a cell does not grow when everything fits. */
  readonly comfortable: number;
}

/** What part of a matrix is on screen: zoom (1 shows all of it), and the column and row, with fraction, at the top left corner. */
export interface Viewport {
  readonly zoom: number;
  readonly column: number;
  readonly row: number;
}

/** The whole matrix. */
export const WHOLE: Viewport = { zoom: 1, column: 0, row: 0 };

/** Pixels of one cell along an axis. Zooming in stops, for each axis by itself, at the comfortable size. */
export function cellSize(axis: AxisRoom, zoom: number): number {
  const fitting = fittingSize(axis);
  return Math.min(fitting * zoom, Math.max(fitting, axis.comfortable));
}

function fittingSize(axis: AxisRoom): number {
  return axis.count === 0 ? axis.comfortable : Math.min(axis.comfortable, axis.room / axis.count);
}

/** Pixels that the cells on screen take along an axis. */
export function plotSize(axis: AxisRoom, zoom: number): number {
  return Math.min(axis.room, axis.count * cellSize(axis, zoom));
}

/** The zoom at which cells are comfortable in both directions; 1 when they are so from the start. */
export function mostZoom(columns: AxisRoom, rows: AxisRoom): number {
  const need = (axis: AxisRoom) => axis.comfortable / fittingSize(axis);
  return Math.max(1, need(columns), need(rows));
}

/** Moves and zooms within bounds: never past an edge, never further out than the whole. */
export function constrain(viewport: Viewport, columns: AxisRoom, rows: AxisRoom): Viewport {
  const zoom = Math.min(Math.max(viewport.zoom, 1), mostZoom(columns, rows));
  const bounded = (at: number, axis: AxisRoom) => {
    const visible = plotSize(axis, zoom) / cellSize(axis, zoom);
    return Math.min(Math.max(at, 0), Math.max(0, axis.count - visible));
  };
  return { zoom, column: bounded(viewport.column, columns), row: bounded(viewport.row, rows) };
}

/** Zooms so that what is under the point (pixels from the plot's top left) stays under it. */
export function zoomAt(
  viewport: Viewport,
  zoom: number,
  point: { readonly x: number; readonly y: number },
  columns: AxisRoom,
  rows: AxisRoom,
): Viewport {
  const column = viewport.column + point.x / cellSize(columns, viewport.zoom);
  const row = viewport.row + point.y / cellSize(rows, viewport.zoom);
  const bounded = Math.min(Math.max(zoom, 1), mostZoom(columns, rows));
  const moved = {
    zoom: bounded,
    column: column - point.x / cellSize(columns, bounded),
    row: row - point.y / cellSize(rows, bounded),
  };
  return constrain(moved, columns, rows);
}

/** Zooms by a factor around a cell, else around the middle; 0 shows everything. */
export function zoomAround(
  viewport: Viewport,
  factor: number,
  cell: { readonly row: number; readonly column: number } | null,
  columns: AxisRoom,
  rows: AxisRoom,
): Viewport {
  if (factor === 0) return WHOLE;
  const { zoom } = viewport;
  const point = cell
    ? {
        x: (cell.column + 0.5 - viewport.column) * cellSize(columns, zoom),
        y: (cell.row + 0.5 - viewport.row) * cellSize(rows, zoom),
      }
    : { x: plotSize(columns, zoom) / 2, y: plotSize(rows, zoom) / 2 };
  return zoomAt(viewport, zoom * factor, point, columns, rows);
}

/** The cell under a point (pixels from the plot's top left), or `null` beside all cells. */
export function cellUnder(
  viewport: Viewport,
  point: { readonly x: number; readonly y: number },
  columns: AxisRoom,
  rows: AxisRoom,
): { readonly row: number; readonly column: number } | null {
  const column = Math.floor(viewport.column + point.x / cellSize(columns, viewport.zoom));
  const row = Math.floor(viewport.row + point.y / cellSize(rows, viewport.zoom));
  return row >= 0 && column >= 0 && row < rows.count && column < columns.count ? { row, column } : null;
}

/** Moves the content by pixels. */
export function panBy(
  viewport: Viewport,
  dx: number,
  dy: number,
  columns: AxisRoom,
  rows: AxisRoom,
): Viewport {
  const moved = {
    zoom: viewport.zoom,
    column: viewport.column - dx / cellSize(columns, viewport.zoom),
    row: viewport.row - dy / cellSize(rows, viewport.zoom),
  };
  return constrain(moved, columns, rows);
}

/** Moves as little as needed for a whole cell to be on screen. */
export function reveal(
  viewport: Viewport,
  cell: { readonly row: number; readonly column: number },
  columns: AxisRoom,
  rows: AxisRoom,
): Viewport {
  const near = (at: number, index: number, axis: AxisRoom) => {
    const visible = plotSize(axis, viewport.zoom) / cellSize(axis, viewport.zoom);
    return Math.min(Math.max(at, index + 1 - visible), index);
  };
  const moved = {
    zoom: viewport.zoom,
    column: near(viewport.column, cell.column, columns),
    row: near(viewport.row, cell.row, rows),
  };
  return constrain(moved, columns, rows);
}

/** First index on screen and the one after the last. */
export function visibleSpan(at: number, axis: AxisRoom, zoom: number): readonly [number, number] {
  const first = Math.max(0, Math.floor(at + 1e-9));
  const last = Math.ceil(at + plotSize(axis, zoom) / cellSize(axis, zoom) - 1e-9);
  return [first, Math.min(axis.count, last)];
}

/** Indices to label, so that labels stay `spacing` pixels apart: every one, every 2nd, 5th, 10th, 20th, ... */
export function labelled(first: number, end: number, size: number, spacing: number): number[] {
  const least = spacing / size;
  let step = 1;
  for (let power = 1; step < least; power *= 10) {
    step = [power, 2 * power, 5 * power].find((candidate) => candidate >= least) ?? 10 * power;
  }
  const start = Math.ceil(first / step) * step;
  return Array.from(
    { length: Math.max(0, Math.ceil((end - start) / step)) },
    (_, index) => start + index * step,
  );
}
