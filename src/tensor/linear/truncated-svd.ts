import { columnsOf, rowsOf, type Dense } from './dense';
import { svd, type Svd } from './svd';

/** The `rank` largest singular values with their vectors; fewer where the matrix has fewer. */
export function truncatedSvd(matrix: Dense, rank: number): Svd {
  const { left, values, right, error } = svd(matrix);
  const k = Math.min(rank, values.length);
  return { left: columnsOf(left, 0, k), values: values.slice(0, k), right: rowsOf(right, 0, k), error };
}
