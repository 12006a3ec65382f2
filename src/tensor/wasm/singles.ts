import { paddedRow, type DenseKernels } from './dense-kernels';

/** A matrix of float32 in the kernels' memory: entry (i, j) is at byte `place + 4·(i·row + j·column)`. */
export interface Singles {
  readonly place: number;
  readonly rows: number;
  readonly columns: number;
  readonly row: number;
  readonly column: number;
}

/** Takes room for a `rows × columns` matrix, its rows no power of two apart. */
export function takeSingles(kernels: DenseKernels, rows: number, columns: number): Singles {
  const row = paddedRow(columns);
  return { place: kernels.take(Math.ceil((rows * row) / 2)), rows, columns, row, column: 1 };
}

/** Rows of a matrix from `first` on. */
export function rowsOfSingles(singles: Singles, first: number, rows: number): Singles {
  return { ...singles, place: singles.place + 4 * first * singles.row, rows };
}

/** Columns of a matrix from `first` on. */
export function columnsOfSingles(singles: Singles, first: number, columns: number): Singles {
  return { ...singles, place: singles.place + 4 * first * singles.column, columns };
}

/** The matrix read the other way round. */
export function turnedSingles({ place, rows, columns, row, column }: Singles): Singles {
  return { place, rows: columns, columns: rows, row: column, column: row };
}

/** Writes the first of these values, row-major, to all rows; float64 is rounded. */
export function putSingles(
  kernels: DenseKernels,
  values: Float32Array | Float64Array,
  { place, rows, columns, row }: Singles,
): void {
  const memory = new Float32Array(kernels.memory.buffer);
  for (let i = 0; i < rows; i++) {
    const start = place / 4 + i * row;
    if (values instanceof Float32Array) memory.set(values.subarray(i * columns, (i + 1) * columns), start);
    // Arrays of another type are set an element at a time, the slow way.
    else for (let j = 0; j < columns; j++) memory[start + j] = values[i * columns + j] as number;
  }
}

/** Whether all entries are 0. */
export function isZero(kernels: DenseKernels, { place, rows, columns, row, column }: Singles): boolean {
  const memory = new Float32Array(kernels.memory.buffer);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) if (memory[place / 4 + i * row + j * column] !== 0) return false;
  }
  return true;
}
