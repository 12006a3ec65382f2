import type { Dense } from './dense';
import { multiplyTransposed } from './multiply';

const EPSILON = 2 ** -52;

/** Gram matrix of the rows, x·xᵀ, rows × rows, in float64. */
export function gramOfRows(x: Dense): Dense {
  return multiplyTransposed(x, x);
}

/**
 * A matrix f, k × n with k the numerical rank, with fᵀ·f = `gram` (n × n, symmetric, positive semidefinite): Cholesky
 * with diagonal pivoting, which ends where nothing above rounding is left (Higham 1990). So for a thin x with Gram
 * matrix x·xᵀ the products f·y and xᵀ·y have the same norms, without x. Directions below 1e-8 of the largest are lost.
 */
export function gramFactor(gram: Dense): Dense {
  const n = gram.rows;
  const left = Float64Array.from({ length: n }, (_, i) => gram.values[i * n + i] as number);
  const limit = EPSILON * n * left.reduce((most, value) => Math.max(most, value), 0);
  const rows: Float64Array[] = [];
  while (rows.length < n) {
    const pivot = indexOfLargest(left);
    const size = left[pivot] as number;
    if (!(size > limit)) break;
    const row = gram.values.slice(pivot * n, (pivot + 1) * n);
    for (const before of rows) {
      const factor = before[pivot] as number;
      for (let i = 0; i < n; i++) row[i] = (row[i] as number) - factor * (before[i] as number);
    }
    const root = Math.sqrt(size);
    for (let i = 0; i < n; i++) {
      row[i] = (row[i] as number) / root;
      left[i] = (left[i] as number) - (row[i] as number) ** 2;
    }
    left[pivot] = 0;
    rows.push(row);
  }
  const values = new Float64Array(rows.length * n);
  rows.forEach((row, k) => {
    values.set(row, k * n);
  });
  return { rows: rows.length, columns: n, values };
}

function indexOfLargest(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
