import type { Matrix } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';

/** Cells of a matrix in the given order, row-major, `rows × columns`; an undefined cell is NaN. */
export function matrixValues(matrix: Matrix): Float64Array {
  return Float64Array.from(unpackNumbers(matrix.values), (value) => value ?? Number.NaN);
}

/** Positions of rows and columns on screen: `rows[i]` is the matrix row drawn as the i-th from the top. */
export interface MatrixOrder {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/** The order of that title among `matrix.orders`, or the given one. */
export function matrixOrder(matrix: Matrix, title: string | undefined): MatrixOrder {
  const order = matrix.orders?.find((candidate) => candidate.title === title);
  return (
    order ?? { rows: matrix.rows.map((_, index) => index), columns: matrix.columns.map((_, index) => index) }
  );
}

/** What all cells of some matrices span together. */
export interface ValueRange {
  readonly least: number;
  readonly most: number;
  /** The smallest value above zero: the low end of a logarithmic scale. */
  readonly leastPositive: number | null;
  readonly undefinedCells: number;
  /** Cells at or below zero, which a logarithmic scale cannot place. */
  readonly notPositive: number;
}

/** Scans cells (NaN is undefined; infinities are left out of the range). `null` when nothing is defined. */
export function valueRange(parts: readonly Float64Array[]): ValueRange | null {
  let least = Infinity;
  let most = -Infinity;
  let leastPositive = Infinity;
  let undefinedCells = 0;
  let notPositive = 0;
  for (const values of parts) {
    for (const value of values) {
      if (Number.isNaN(value)) undefinedCells++;
      else if (Number.isFinite(value)) {
        if (value < least) least = value;
        if (value > most) most = value;
        if (value > 0 && value < leastPositive) leastPositive = value;
        if (value <= 0) notPositive++;
      }
    }
  }
  if (least === Infinity) return null;
  return {
    least,
    most,
    leastPositive: leastPositive === Infinity ? null : leastPositive,
    undefinedCells,
    notPositive,
  };
}

/** The domain that several matrices share: the hull of their own ones. `null` when none has any. */
export function sharedDomain(matrices: readonly Matrix[]): readonly [number, number] | null {
  const domains = matrices.flatMap((matrix) => (matrix.domain ? [matrix.domain] : []));
  if (domains.length === 0) return null;
  return [Math.min(...domains.map(([least]) => least)), Math.max(...domains.map(([, most]) => most))];
}
