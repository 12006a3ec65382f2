import type { AxisEntry, Matrix } from '../../protocol/artifact';
import { packNumbers } from '../../protocol/numbers';
import type { Measured } from './model-runs';
import { numberMean } from './number-mean';

/** A run × run matrix; `values` is row-major. */
export function runMatrix(
  runs: readonly Measured<unknown>[],
  values: readonly (number | null)[],
  rest: Omit<Matrix, 'kind' | 'rows' | 'columns' | 'rowTitle' | 'columnTitle' | 'values'>,
): Matrix {
  const entries = runs.map(runEntry);
  return {
    kind: 'matrix',
    rows: entries,
    columns: entries,
    rowTitle: 'model and data',
    columnTitle: 'model and data',
    values: packNumbers(values),
    ...rest,
  };
}

/** A run as a row or column. */
export function runEntry({ name, task }: Measured<unknown>): AxisEntry {
  return task ? { label: name, task: task.name } : { label: name };
}

/** Every run with every other: `between` of the two, on average over the layers. Row-major. */
export function meanBetween<T>(
  runs: readonly Measured<T>[],
  layers: number,
  between: (x: T, y: T, layer: number) => number | null,
): readonly (number | null)[] {
  return runs.flatMap(({ value: x }) =>
    runs.map(({ value: y }) =>
      numberMean(Array.from({ length: layers }, (_, layer) => between(x, y, layer))),
    ),
  );
}
