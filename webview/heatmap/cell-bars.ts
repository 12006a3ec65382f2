import { readableOn } from '../../src/figure/colour-ramps';
import type { PaintedCells } from './cell-painter';
import type { Layout } from './layout';
import { cellSize, visibleSpan, type Viewport } from './viewport';

const LEAST = { width: 10, height: 8 };
const MOST_HEIGHT = 4;
const MARGIN = 2;

/** Paints the bars of an overlay at the feet of the cells on screen; where cells are too small for it, nothing. */
export function paintBars(
  context: CanvasRenderingContext2D,
  { bars, values, width: columns, order, colouring }: PaintedCells,
  layout: Layout,
  viewport: Viewport,
): void {
  const width = cellSize(layout.columns, viewport.zoom);
  const height = cellSize(layout.rows, viewport.zoom);
  if (bars === null || width < LEAST.width || height < LEAST.height) return;
  const thickness = Math.max(2, Math.min(MOST_HEIGHT, Math.round(height * 0.2)));
  const [firstRow, endRow] = visibleSpan(viewport.row, layout.rows, viewport.zoom);
  const [firstColumn, endColumn] = visibleSpan(viewport.column, layout.columns, viewport.zoom);
  context.globalAlpha = 0.8;
  for (let row = firstRow; row < endRow; row++) {
    const foot = Math.round((row + 1 - viewport.row) * height) - 1 - MARGIN;
    for (let column = firstColumn; column < endColumn; column++) {
      const cell = (order.rows[row] ?? 0) * columns + (order.columns[column] ?? 0);
      const colour = colouring.colour(values[cell] ?? Number.NaN);
      const length = bars[cell] ?? Number.NaN;
      if (colour === null || Number.isNaN(length)) continue;
      context.fillStyle = readableOn(colour);
      const left = Math.round((column - viewport.column) * width) + MARGIN;
      context.fillRect(left, foot - thickness, (width - 1 - 2 * MARGIN) * length, thickness);
    }
  }
  context.globalAlpha = 1;
}
