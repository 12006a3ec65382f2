import { rampTable, readableOn } from '../../src/figure/colour-ramps';
import type { Colouring } from '../../src/figure/colouring';
import type { MatrixOrder } from '../../src/figure/matrix-values';
import { briefNumber } from '../../src/figure/number-text';
import type { Palette } from '../../src/figure/palette';
import { paintBars } from './cell-bars';
import { CellBitmap, halvings } from './cell-bitmap';
import type { Layout } from './layout';
import { cellSize, plotSize, visibleSpan, type Viewport } from './viewport';

/** Cells of one matrix in display order, ready to be coloured. */
export interface PaintedCells {
  readonly values: Float64Array;
  readonly width: number;
  readonly order: MatrixOrder;
  readonly colouring: Colouring;
  readonly palette: Palette;
  /** Lengths of the bars of an overlay, 0 to 1, in the order of the values. */
  readonly bars: Float64Array | null;
}

// Browsers limit a canvas to 16,384 pixels a side or so.
const TILE = 4096;
const SHADES = 1024;
const LEAST_FOR_GAPS = 7;
const LEAST_FOR_TEXT = { width: 34, height: 17 };

interface Tile {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  readonly cells: CellBitmap;
  /** Opaque where a cell is undefined; `null` when none is. */
  readonly undefinedCells: CellBitmap | null;
  /** Rows and columns of the whole matrix that hold all undefined cells of the tile. */
  readonly undefinedHull: Box | null;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * Paints a matrix on a canvas. All cells are coloured once, into bitmaps of one pixel per cell; a frame then stretches the visible
 * part of them, so that panning costs the same for a hundred cells and for a million.
 */
export class CellPainter {
  private readonly tiles: readonly Tile[];
  private readonly mask = document.createElement('canvas');
  private readonly hatch: HTMLCanvasElement;

  constructor(private readonly cells: PaintedCells) {
    this.tiles = makeTiles(cells);
    this.hatch = hatchTile(cells.palette.undefinedCell);
  }

  /** Draws what the viewport shows; `scale` is device pixels per CSS pixel. */
  paint(canvas: HTMLCanvasElement, layout: Layout, viewport: Viewport, scale: number): void {
    const width = plotSize(layout.columns, viewport.zoom);
    const height = plotSize(layout.rows, viewport.zoom);
    resize(canvas, width, height, scale);
    const context = canvas.getContext('2d');
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.stretch(context, 'cells', layout, viewport, scale);
    this.paintUndefined(context, layout, viewport, scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    this.paintGaps(context, layout, viewport);
    this.paintValues(context, layout, viewport);
    paintBars(context, this.cells, layout, viewport);
  }

  private stretch(
    context: CanvasRenderingContext2D,
    layer: 'cells' | 'undefinedCells',
    layout: Layout,
    viewport: Viewport,
    scale: number,
  ): void {
    const cellWidth = cellSize(layout.columns, viewport.zoom) * scale;
    const cellHeight = cellSize(layout.rows, viewport.zoom) * scale;
    const [firstRow, endRow] = visibleSpan(viewport.row, layout.rows, viewport.zoom);
    const [firstColumn, endColumn] = visibleSpan(viewport.column, layout.columns, viewport.zoom);
    // Where several cells fall on one pixel, their mean tells more than whichever comes first.
    const perRow = halvings(cellHeight);
    const perColumn = halvings(cellWidth);
    context.imageSmoothingEnabled = false;
    for (const tile of this.tiles) {
      const top = Math.max(firstRow, tile.row);
      const bottom = Math.min(endRow, tile.row + tile.rows);
      const left = Math.max(firstColumn, tile.column);
      const right = Math.min(endColumn, tile.column + tile.columns);
      const bitmap = tile[layer]?.averaged(perRow, perColumn);
      if (!bitmap || bottom <= top || right <= left) continue;
      context.drawImage(
        bitmap,
        (left - tile.column) / perColumn,
        (top - tile.row) / perRow,
        (right - left) / perColumn,
        (bottom - top) / perRow,
        (left - viewport.column) * cellWidth,
        (top - viewport.row) * cellHeight,
        (right - left) * cellWidth,
        (bottom - top) * cellHeight,
      );
    }
  }

  private paintUndefined(
    context: CanvasRenderingContext2D,
    layout: Layout,
    viewport: Viewport,
    scale: number,
  ): void {
    const area = this.undefinedArea(layout, viewport, scale);
    if (!area) return;
    const { canvas } = context;
    if (this.mask.width !== canvas.width) this.mask.width = canvas.width;
    if (this.mask.height !== canvas.height) this.mask.height = canvas.height;
    const mask = this.mask.getContext('2d');
    const pattern = mask?.createPattern(this.hatch, 'repeat');
    if (!mask || !pattern) return;
    const box = [area.left, area.top, area.right - area.left, area.bottom - area.top] as const;
    mask.save();
    mask.beginPath();
    mask.rect(...box);
    mask.clip();
    mask.clearRect(...box);
    this.stretch(mask, 'undefinedCells', layout, viewport, scale);
    mask.globalCompositeOperation = 'source-in';
    pattern.setTransform(new DOMMatrix().scale(scale / HATCH_SCALE));
    mask.fillStyle = pattern;
    mask.globalAlpha = HATCH_STRENGTH;
    mask.fillRect(...box);
    mask.restore();
    context.drawImage(this.mask, ...box, ...box);
  }

  /** Whole device pixels around the undefined cells on screen; `null` when there are none. */
  private undefinedArea(layout: Layout, viewport: Viewport, scale: number): Box | null {
    const hulls = this.tiles.flatMap((tile) => tile.undefinedHull ?? []);
    if (hulls.length === 0) return null;
    const x = (column: number) =>
      (column - viewport.column) * cellSize(layout.columns, viewport.zoom) * scale;
    const y = (row: number) => (row - viewport.row) * cellSize(layout.rows, viewport.zoom) * scale;
    const box = {
      left: Math.max(0, Math.floor(x(Math.min(...hulls.map((hull) => hull.left))))),
      top: Math.max(0, Math.floor(y(Math.min(...hulls.map((hull) => hull.top))))),
      right: Math.min(
        plotSize(layout.columns, viewport.zoom) * scale,
        Math.ceil(x(Math.max(...hulls.map((hull) => hull.right)))),
      ),
      bottom: Math.min(
        plotSize(layout.rows, viewport.zoom) * scale,
        Math.ceil(y(Math.max(...hulls.map((hull) => hull.bottom)))),
      ),
    };
    return box.left < box.right && box.top < box.bottom ? box : null;
  }

  private paintGaps(context: CanvasRenderingContext2D, layout: Layout, viewport: Viewport): void {
    const width = cellSize(layout.columns, viewport.zoom);
    const height = cellSize(layout.rows, viewport.zoom);
    const plotWidth = plotSize(layout.columns, viewport.zoom);
    const plotHeight = plotSize(layout.rows, viewport.zoom);
    // Filled pixels, not stroked lines: many times cheaper where no graphics card draws.
    context.fillStyle = this.cells.palette.background;
    if (width >= LEAST_FOR_GAPS) {
      const [first, end] = visibleSpan(viewport.column, layout.columns, viewport.zoom);
      for (let column = first; column <= end; column++) {
        context.fillRect(Math.round((column - viewport.column) * width) - 1, 0, 1, plotHeight);
      }
    }
    if (height >= LEAST_FOR_GAPS) {
      const [first, end] = visibleSpan(viewport.row, layout.rows, viewport.zoom);
      for (let row = first; row <= end; row++) {
        context.fillRect(0, Math.round((row - viewport.row) * height) - 1, plotWidth, 1);
      }
    }
  }

  private paintValues(context: CanvasRenderingContext2D, layout: Layout, viewport: Viewport): void {
    const width = cellSize(layout.columns, viewport.zoom);
    const height = cellSize(layout.rows, viewport.zoom);
    if (width < LEAST_FOR_TEXT.width || height < LEAST_FOR_TEXT.height) return;
    const { values, order, colouring, palette } = this.cells;
    const [firstRow, endRow] = visibleSpan(viewport.row, layout.rows, viewport.zoom);
    const [firstColumn, endColumn] = visibleSpan(viewport.column, layout.columns, viewport.zoom);
    context.font = `10px ${palette.fontFamily}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (let row = firstRow; row < endRow; row++) {
      const offset = (order.rows[row] ?? 0) * this.cells.width;
      for (let column = firstColumn; column < endColumn; column++) {
        const value = values[offset + (order.columns[column] ?? 0)] ?? Number.NaN;
        const colour = colouring.colour(value);
        if (colour === null) continue;
        context.fillStyle = readableOn(colour);
        const x = (column - viewport.column + 0.5) * width;
        const y = (row - viewport.row + 0.5) * height - (this.cells.bars ? 2 : 0);
        context.fillText(briefNumber(value), x - 0.5, y, width - 4);
      }
    }
  }
}

function resize(canvas: HTMLCanvasElement, width: number, height: number, scale: number): void {
  const deviceWidth = Math.max(1, Math.round(width * scale));
  const deviceHeight = Math.max(1, Math.round(height * scale));
  if (canvas.width !== deviceWidth) canvas.width = deviceWidth;
  if (canvas.height !== deviceHeight) canvas.height = deviceHeight;
  canvas.style.width = `${String(width)}px`;
  canvas.style.height = `${String(height)}px`;
}

function makeTiles(cells: PaintedCells): Tile[] {
  const tiles: Tile[] = [];
  const table = rampTable(cells.colouring.stops, SHADES);
  for (let row = 0; row < cells.order.rows.length; row += TILE) {
    for (let column = 0; column < cells.order.columns.length; column += TILE) {
      tiles.push(makeTile(cells, table, row, column));
    }
  }
  return tiles;
}

function makeTile(cells: PaintedCells, table: Uint8Array, row: number, column: number): Tile {
  const rows = cells.order.rows.slice(row, row + TILE);
  const columns = cells.order.columns.slice(column, column + TILE);
  const colours = new ImageData(columns.length, rows.length);
  const mask = new ImageData(columns.length, rows.length);
  let hull: Box | null = null;
  for (const [i, fromRow] of rows.entries()) {
    for (const [j, fromColumn] of columns.entries()) {
      const at = (i * columns.length + j) * 4;
      const position = cells.colouring.position(
        cells.values[fromRow * cells.width + fromColumn] ?? Number.NaN,
      );
      if (Number.isNaN(position)) {
        hull = grown(hull, column + j, row + i);
        mask.data[at + 3] = 255;
        continue;
      }
      const shade = Math.round(position * (SHADES - 1)) * 3;
      colours.data[at] = table[shade] as number;
      colours.data[at + 1] = table[shade + 1] as number;
      colours.data[at + 2] = table[shade + 2] as number;
      colours.data[at + 3] = 255;
    }
  }
  return {
    row,
    column,
    rows: rows.length,
    columns: columns.length,
    cells: new CellBitmap(colours),
    undefinedCells: hull ? new CellBitmap(mask) : null,
    undefinedHull: hull,
  };
}

function grown(hull: Box | null, column: number, row: number): Box {
  if (!hull) return { left: column, top: row, right: column + 1, bottom: row + 1 };
  return {
    left: Math.min(hull.left, column),
    top: Math.min(hull.top, row),
    right: Math.max(hull.right, column + 1),
    bottom: Math.max(hull.bottom, row + 1),
  };
}

// The hatch is drawn large and scaled down, so that its lines stay smooth on every screen.
const HATCH_SCALE = 4;
const HATCH_SPACING = 5;
const HATCH_STRENGTH = 0.7;

function hatchTile(colour: string): HTMLCanvasElement {
  const side = HATCH_SPACING * HATCH_SCALE;
  const canvas = document.createElement('canvas');
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext('2d');
  if (!context) return canvas;
  context.strokeStyle = colour;
  context.lineWidth = HATCH_SCALE;
  context.beginPath();
  for (const offset of [0, side, 2 * side]) {
    context.moveTo(offset + HATCH_SCALE, -HATCH_SCALE);
    context.lineTo(offset - side - HATCH_SCALE, side + HATCH_SCALE);
  }
  context.stroke();
  return canvas;
}
