import type { TensorColumns } from '../../src/protocol/checkpoint';
import { compareKeys, naturalKey } from './natural-order';

/** Columns of the tensor table, left to right. */
export const COLUMNS = ['name', 'dtype', 'shape', 'parameters', 'bytes', 'layer', 'module'] as const;

export type ColumnName = (typeof COLUMNS)[number];

/**
 * Sorts tensors (indices into the columns) by one column: names, layers and modules in natural order, shapes number by number from the
 * front. Equal ones stay as they stand in the checkpoint, in both directions.
 */
export function sortTensors(
  tensors: TensorColumns,
  indices: readonly number[],
  column: ColumnName,
  descending: boolean,
): number[] {
  const sign = descending ? -1 : 1;
  const compare = comparer(tensors, column);
  return [...indices].sort((a, b) => sign * compare(a, b) || a - b);
}

function comparer(tensors: TensorColumns, column: ColumnName): (a: number, b: number) => number {
  if (column === 'parameters' || column === 'bytes') {
    const numbers = tensors[column];
    return (a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0);
  }
  if (column === 'shape') return (a, b) => compareShapes(tensors.shape[a] ?? [], tensors.shape[b] ?? []);
  const keys = tensors[column].map(naturalKey);
  return (a, b) => compareKeys(keys[a] ?? '', keys[b] ?? '');
}

function compareShapes(a: readonly number[], b: readonly number[]): number {
  for (let axis = 0; axis < Math.min(a.length, b.length); axis++) {
    const difference = (a[axis] ?? 0) - (b[axis] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
