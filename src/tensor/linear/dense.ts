/** A dense matrix in memory: row-major, float64. */
export interface Dense {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** A matrix of zeros. */
export function zeros(rows: number, columns: number): Dense {
  return { rows, columns, values: new Float64Array(rows * columns) };
}

/** Rows that are turned together: what they write of a column is a line of the cache. */
const STRIP = 8;

/** The transposed matrix, a copy. */
export function transposed({ rows, columns, values }: Dense): Dense {
  const turned = new Float64Array(values.length);
  for (let first = 0; first < rows; first += STRIP) {
    const end = Math.min(rows, first + STRIP);
    for (let column = 0; column < columns; column++) {
      for (let row = first; row < end; row++) {
        turned[column * rows + row] = values[row * columns + column] as number;
      }
    }
  }
  return { rows: columns, columns: rows, values: turned };
}

/** Rows `first … end − 1`, a view of the same memory. */
export function rowsOf({ columns, values }: Dense, first: number, end: number): Dense {
  return { rows: end - first, columns, values: values.subarray(first * columns, end * columns) };
}

/** Columns `first … end − 1`, a copy. */
export function columnsOf({ rows, columns, values }: Dense, first: number, end: number): Dense {
  const width = end - first;
  const cut = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = row * columns + first;
    for (let column = 0; column < width; column++)
      cut[row * width + column] = values[from + column] as number;
  }
  return { rows, columns: width, values: cut };
}

/** Σx² over all entries. */
export function squaresOf({ values }: Dense): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}
