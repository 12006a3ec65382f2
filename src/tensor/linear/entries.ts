import type { Dense } from './dense';

/** A matrix whose entries are read when they are needed, part by part, for what is larger than memory. */
export interface Entries {
  readonly rows: number;
  readonly columns: number;
  /** Whether parts of rows can be read, too. */
  readonly hasColumns: boolean;
  /** Writes the entries of these rows and columns to the front of `target`, row-major. */
  read(firstRow: number, endRow: number, firstColumn: number, endColumn: number, target: Float64Array): void;
  /**
   * Writes whole rows to the front of `target` in float32, for what is stored so; `false` where it is not. Does not look for
   * what is not finite: a product with such rows shows it.
   */
  readSingles?(firstRow: number, endRow: number, target: Float32Array): boolean;
}

/** Entries of a matrix in memory. */
export function entriesOf({ rows, columns, values }: Dense): Entries {
  return {
    rows,
    columns,
    hasColumns: true,
    read(firstRow, endRow, firstColumn, endColumn, target) {
      const width = endColumn - firstColumn;
      for (let i = firstRow; i < endRow; i++) {
        const start = i * columns + firstColumn;
        target.set(values.subarray(start, start + width), (i - firstRow) * width);
      }
    },
  };
}

/** Doubles read at a time. */
const PIECE = 2 ** 20;

/** All entries as one matrix. */
export function wholeMatrix(entries: Entries): Dense {
  const { rows, columns } = entries;
  const values = new Float64Array(rows * columns);
  forRows(entries, (first, end) => entries.read(first, end, 0, columns, values.subarray(first * columns)));
  return { rows, columns, values };
}

/** Calls `take` for runs of rows, one after the other: as many as make a piece, one at least. */
export function forRows(
  { rows, columns }: Pick<Entries, 'rows' | 'columns'>,
  take: (first: number, end: number) => void,
): void {
  const atOnce = Math.max(1, Math.floor(PIECE / Math.max(1, columns)));
  for (let first = 0; first < rows; first += atOnce) take(first, Math.min(rows, first + atOnce));
}
