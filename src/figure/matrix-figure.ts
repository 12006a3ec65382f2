import type { AxisEntry, Matrix } from '../protocol/artifact';
import { createColouring, type Colouring } from './colouring';
import type { FigureOptions } from './figure-options';
import { readableOn } from './colour-ramps';
import { hatching, legendDrawing } from './legend';
import { matrixOrder, matrixValues, valueRange, type MatrixOrder } from './matrix-values';
import { briefNumber, formatNumber } from './number-text';
import { LIGHT_PALETTE, type Palette } from './palette';
import { cellOverlay, overlayFacts, overlayNote, type CellOverlay } from './overlay';
import { label, shape, shorten, textWidth, wrap, type Drawing, type Shape } from './shape';

// Above this, every cell as its own element makes files that viewers choke on: cells of one colour then share a path.
const SINGLE_CELLS = 20_000;
const COLOURS = 256;
const LONGEST_SIDE = 12_000;

interface Layout {
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly rows: number;
  readonly columns: number;
  readonly columnLabels: 'flat' | 'slanted';
  readonly labelRoom: number;
}

/** Draws a matrix as a heatmap with title, labelled axes and legend. Every cell is there, undefined ones hatched. */
export function drawMatrix(matrix: Matrix, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const values = matrixValues(matrix);
  const range = valueRange([values]);
  const colouring = createColouring({
    scale: matrix.scale,
    domain: options.domain ?? matrix.domain,
    range,
    logarithmic: options.logarithmic ?? false,
    palette,
  });
  const order = matrixOrder(matrix, options.order);
  const layout = layoutOf(matrix, order, options.bare ?? false);
  const legend = legendDrawing(colouring, matrix.unit, palette, {
    undefinedCells: values.some((value) => Number.isNaN(value)),
  });
  const plotBottom = layout.top + layout.rows * layout.cellHeight;
  const spill = layout.columnLabels === 'slanted' ? layout.labelRoom * 0.75 : 0;
  const plotRight = layout.left + layout.columns * layout.cellWidth;
  const width = Math.max(
    plotRight + spill + 16,
    layout.left + legend.width + 16,
    textWidth(matrix.title, 15) + 32,
  );
  const overlaid = matrix.overlay ? overlayNote(matrix.overlay) : undefined;
  const notes = [colouring.note, overlaid, matrix.caption].flatMap((note) =>
    note ? wrap(note, width - 32, 10) : [],
  );
  return {
    width,
    height: plotBottom + 20 + legend.height + notes.length * 16 + 12,
    title: matrix.title,
    shapes: [
      ...(options.bare ? [] : [label(matrix.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      ...cells(values, order, colouring, layout, palette, matrix),
      ...axisLabels(matrix, order, layout, palette),
      shape(
        'g',
        { transform: `translate(${String(layout.left)} ${String(plotBottom + 18)})` },
        ...legend.shapes,
      ),
      ...notes.map((note, index) =>
        label(note, 16, plotBottom + 20 + legend.height + 14 + index * 16, {
          'font-size': 10,
          fill: palette.muted,
        }),
      ),
    ],
  };
}

function layoutOf(matrix: Matrix, order: MatrixOrder, bare: boolean): Layout {
  const rows = order.rows.length;
  const columns = order.columns.length;
  const longest = (entries: readonly AxisEntry[], most: number) =>
    Math.min(most, Math.max(0, ...entries.map((entry) => textWidth(entry.label))));
  const cellHeight = Math.min(rows <= 80 ? 24 : rows <= 400 ? 12 : 4, LONGEST_SIDE / Math.max(rows, 1));
  const cellWidth = Math.min(
    columns <= 40 ? 36 : columns <= 200 ? 18 : 4,
    LONGEST_SIDE / Math.max(columns, 1),
  );
  const columnRoom = longest(matrix.columns, 240);
  const flat = columnRoom <= cellWidth - 4;
  const top = (bare ? 12 : 44) + (matrix.columnTitle ? 18 : 0) + (flat ? 18 : columnRoom * 0.72 + 16);
  return {
    left: 16 + (matrix.rowTitle ? 18 : 0) + longest(matrix.rows, 320) + 8,
    top,
    cellWidth,
    cellHeight,
    rows,
    columns,
    columnLabels: flat ? 'flat' : 'slanted',
    labelRoom: columnRoom,
  };
}

function cells(
  values: Float64Array,
  order: MatrixOrder,
  colouring: Colouring,
  layout: Layout,
  palette: Palette,
  matrix: Matrix,
): Shape[] {
  const width = matrix.columns.length;
  const visit = (draw: (value: number, x: number, y: number, row: number, column: number) => void) => {
    order.rows.forEach((row, i) => {
      order.columns.forEach((column, j) => {
        const x = layout.left + j * layout.cellWidth;
        const y = layout.top + i * layout.cellHeight;
        draw(values[row * width + column] ?? Number.NaN, x, y, row, column);
      });
    });
  };
  if (values.length > SINGLE_CELLS) return mergedCells(visit, colouring, layout, palette);
  const gap = Math.min(layout.cellWidth, layout.cellHeight) >= 8 ? 1 : 0;
  const size = { width: layout.cellWidth - gap, height: layout.cellHeight - gap };
  const made: Shape[] = [];
  const showValues = layout.cellWidth >= 30 && layout.cellHeight >= 18 && values.length <= 900;
  const overlay = cellOverlay(matrix);
  visit((value, x, y, row, column) => {
    const colour = colouring.colour(value);
    const place = `${matrix.rows[row]?.label ?? ''}, ${matrix.columns[column]?.label ?? ''}`;
    const facts = overlay ? overlayFacts(overlay, row * width + column).map((fact) => fact.join(': ')) : [];
    const own = Number.isNaN(value) ? 'undefined' : formatNumber(value);
    const title = shape('title', {}, [`${place}: ${own}`, ...facts].join('\n'));
    const fill = colour ?? palette.background;
    made.push(shape('rect', { class: colour ? 'cell' : 'cell undefined', x, y, ...size, fill }, title));
    if (colour === null) {
      made.push(
        shape('path', {
          d: hatching(x, y, size.width, size.height),
          stroke: palette.undefinedCell,
          fill: 'none',
        }),
      );
      return;
    }
    const fillOver = readableOn(colour);
    if (showValues) {
      const raised = overlay ? 1.5 : 3.5;
      made.push(
        label(briefNumber(value), x + size.width / 2, y + size.height / 2 + raised, {
          'text-anchor': 'middle',
          'font-size': 9.5,
          fill: fillOver,
        }),
      );
    }
    made.push(...overlayBar(overlay, row * width + column, { x, y, ...size }, fillOver));
  });
  return made;
}

/** The bar at the foot of a cell: as long as the cell stands high among all. */
function overlayBar(
  overlay: CellOverlay | null,
  cell: number,
  box: { x: number; y: number; width: number; height: number },
  fill: string,
): Shape[] {
  const standing = overlay?.standing[cell] ?? Number.NaN;
  if (Number.isNaN(standing) || standing === 0) return [];
  const height = Math.min(4, box.height * 0.2);
  const [x, y] = [box.x + 2, box.y + box.height - height - 2];
  const width = (box.width - 4) * standing;
  return [shape('rect', { class: 'overlay', x, y, width, height, fill, 'fill-opacity': 0.8 })];
}

type Visit = (draw: (value: number, x: number, y: number, row: number, column: number) => void) => void;

function mergedCells(visit: Visit, colouring: Colouring, layout: Layout, palette: Palette): Shape[] {
  const paths = new Map<string, string[]>();
  const box = `h${String(layout.cellWidth)}v${String(layout.cellHeight)}h${String(-layout.cellWidth)}z`;
  const undefinedLines: string[] = [];
  visit((value, x, y) => {
    const at = `M${String(Math.round(x * 100) / 100)} ${String(Math.round(y * 100) / 100)}`;
    if (Number.isNaN(value)) {
      undefinedLines.push(
        `M${String(x)} ${String(y + layout.cellHeight)}l${String(layout.cellWidth)} ${String(-layout.cellHeight)}`,
      );
      return;
    }
    const step = Math.round(colouring.position(value) * (COLOURS - 1)) / (COLOURS - 1);
    const colour = colouring.colour(inverse(colouring, step)) ?? palette.background;
    const path = paths.get(colour) ?? [];
    path.push(at + box);
    paths.set(colour, path);
  });
  const made = [...paths].map(([colour, path]) =>
    shape('path', { class: 'cells', d: path.join(''), fill: colour }),
  );
  if (undefinedLines.length > 0) {
    made.push(
      shape('path', {
        class: 'undefined',
        d: undefinedLines.join(''),
        stroke: palette.undefinedCell,
        'stroke-width': 0.5,
      }),
    );
  }
  return made;
}

function inverse(colouring: Colouring, position: number): number {
  const [low, high] = colouring.domain;
  return colouring.logarithmic ? low * (high / low) ** position : low + (high - low) * position;
}

function axisLabels(matrix: Matrix, order: MatrixOrder, layout: Layout, palette: Palette): Shape[] {
  const made: Shape[] = [];
  const rowStep = Math.ceil(11 / layout.cellHeight);
  order.rows.forEach((row, i) => {
    if (i % rowStep !== 0) return;
    const y = layout.top + (i + 0.5) * layout.cellHeight + 4;
    const text = shorten(matrix.rows[row]?.label ?? '', 320);
    made.push(label(text, layout.left - 8, y, { 'text-anchor': 'end', fill: palette.foreground }));
  });
  const columnStep = Math.ceil((layout.columnLabels === 'flat' ? layout.cellWidth : 16) / layout.cellWidth);
  order.columns.forEach((column, j) => {
    if (j % columnStep !== 0) return;
    const x = layout.left + (j + 0.5) * layout.cellWidth;
    const text = shorten(matrix.columns[column]?.label ?? '', 240);
    const turn: Record<string, string> =
      layout.columnLabels === 'flat'
        ? {}
        : { transform: `rotate(-45 ${String(x)} ${String(layout.top - 8)})` };
    const anchor = layout.columnLabels === 'flat' ? 'middle' : 'start';
    made.push(label(text, x, layout.top - 8, { 'text-anchor': anchor, fill: palette.foreground, ...turn }));
  });
  const middle = layout.top + (layout.rows * layout.cellHeight) / 2;
  if (matrix.rowTitle) {
    made.push(
      label(matrix.rowTitle, 22, middle, {
        'text-anchor': 'middle',
        fill: palette.muted,
        transform: `rotate(-90 22 ${String(middle)})`,
      }),
    );
  }
  if (matrix.columnTitle) {
    const y = layout.top - (layout.columnLabels === 'flat' ? 26 : layout.labelRoom * 0.72 + 22);
    made.push(label(matrix.columnTitle, layout.left, y, { fill: palette.muted }));
  }
  return made;
}
