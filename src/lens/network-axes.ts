import { compareModules, compareRows } from '../model/naming';
import type { Place } from '../model/place';
import type { AxisEntry, Matrix } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';

/** Rows and columns of a layer × module heatmap: the places of some tensors, in network order. */
export interface NetworkAxes {
  readonly rows: readonly AxisEntry[];
  readonly columns: readonly AxisEntry[];
  /** Index of a place's cell in row-major order; −1 for a place the axes were not made from. */
  cellOf(place: Place): number;
}

/** What a caption says of the order of rows and columns. */
export const AXES_CAPTION =
  'Rows in network order: "input" holds the embeddings, "output" the last norm and the head. A cell without tensors is undefined.';

/** Makes the axes of a heatmap over the given places. Rows carry `layer` (as {@link Place.row}), columns `module`. */
export function networkAxes(places: readonly Place[]): NetworkAxes {
  const labels = new Map(places.map(({ row, layerLabel }) => [row, layerLabel]));
  const rows = [...labels.keys()].sort(compareRows);
  const modules = [...new Set(places.map(({ module }) => module))].sort(compareModules);
  const uses = new Map<string, number>();
  for (const label of labels.values()) uses.set(label, (uses.get(label) ?? 0) + 1);
  const rowIndex = new Map(rows.map((row, index) => [row, index]));
  const columnIndex = new Map(modules.map((module, index) => [module, index]));
  return {
    // Two parts of a network may both have a "layer 3": then only the whole name tells them apart.
    rows: rows.map((row) => {
      const label = labels.get(row) ?? row;
      return { label: uses.get(label) === 1 ? label : row, layer: row };
    }),
    columns: modules.map((module) => ({ label: module, module })),
    cellOf: ({ row, module }) => {
      const at = rowIndex.get(row);
      const column = columnIndex.get(module);
      return at === undefined || column === undefined ? -1 : at * modules.length + column;
    },
  };
}

/** A layer × module matrix of one value per cell. */
export function networkMatrix(
  axes: NetworkAxes,
  values: readonly (number | null)[],
  rest: Omit<Matrix, 'kind' | 'rows' | 'columns' | 'rowTitle' | 'columnTitle' | 'values'>,
): Matrix {
  return {
    kind: 'matrix',
    rows: axes.rows,
    columns: axes.columns,
    rowTitle: 'layer',
    columnTitle: 'module',
    values: packNumbers(values),
    ...rest,
  };
}
