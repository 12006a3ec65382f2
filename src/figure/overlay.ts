import type { Matrix } from '../protocol/artifact';
import { packNumbers, unpackNumbers } from '../protocol/numbers';
import { QUADRANTS, quadrantOf, standings } from '../protocol/quadrants';
import { formatNumber } from './number-text';
import { matrixValues } from './matrix-values';

/** What an overlay says of every cell, in the order of the matrix's values. */
export interface CellOverlay {
  readonly title: string;
  /** NaN where undefined. */
  readonly values: Float64Array;
  /** Share of the other cells that matter less, 0 to 1; NaN where undefined. */
  readonly standing: Float64Array;
  /** Index into {@link QUADRANTS}; −1 where one of the two figures is undefined. */
  readonly quadrants: Int8Array;
}

/** Standings and quadrants of the overlay of a matrix; `null` where it has none. */
export function cellOverlay(matrix: Matrix): CellOverlay | null {
  const { overlay } = matrix;
  if (overlay === undefined) return null;
  const values = Float64Array.from(unpackNumbers(overlay.values), (value) => value ?? Number.NaN);
  const moved = matrixValues(matrix);
  // Both are ranked among the cells that have both.
  const both = (own: Float64Array) =>
    own.map((value, at) => (Number.isNaN(moved[at]) || Number.isNaN(values[at]) ? Number.NaN : value));
  const [x, y] = [standings(both(moved)), standings(both(values))];
  const quadrants = Int8Array.from(x, (own, at) =>
    Number.isNaN(own) ? -1 : quadrantOf(own, y[at] ?? Number.NaN),
  );
  return { title: overlay.title, values, standing: standings(values), quadrants };
}

/** What a reader is told of the overlay of a cell, beside its own number. */
export function overlayFacts(overlay: CellOverlay, cell: number): (readonly [string, string])[] {
  const value = overlay.values[cell] ?? Number.NaN;
  const quadrant = QUADRANTS[overlay.quadrants[cell] ?? -1];
  return [
    [overlay.title, Number.isNaN(value) ? 'undefined' : formatNumber(value)],
    ...(quadrant === undefined ? [] : [['quadrant', quadrant] as const]),
  ];
}

/** What stands below a heatmap with an overlay. */
export function overlayNote({ title }: { readonly title: string }): string {
  return `Bar in a cell: ${title}, from the cell that matters least (no bar) to the one that matters most (whole width). Halves are cut at the medians: ${QUADRANTS.join('; ')}.`;
}

/**
 * Lays importances over a movement, cell by cell by layer and module; cells that the importances do not have are undefined.
 * `null` where the two are of different tasks, or have no cell in common.
 */
export function overlaid(movement: Matrix, importance: Matrix, title: string): Matrix | null {
  const [task, other] = [movement.facets?.['task'], importance.facets?.['task']];
  if (task !== undefined && other !== undefined && task !== other) return null;
  const rows = new Map(importance.rows.map(({ layer }, at) => [layer, at]));
  const columns = new Map(importance.columns.map(({ module }, at) => [module, at]));
  const values = unpackNumbers(importance.values);
  const placed = movement.rows.flatMap(({ layer }) =>
    movement.columns.map(({ module }) => {
      const [row, column] = [rows.get(layer), columns.get(module)];
      if (layer === undefined || module === undefined || row === undefined || column === undefined)
        return null;
      return values[row * importance.columns.length + column] ?? null;
    }),
  );
  if (placed.every((value) => value === null)) return null;
  return { ...movement, overlay: { title, unit: importance.unit, values: packNumbers(placed) } };
}
