import type { Dense } from './dense';
import { svd } from './svd';
import { zeros } from './dense';

/** Eigenvalues, descending, and unit eigenvectors as the rows of `vectors`. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  readonly vectors: Dense;
}

/** All eigenvalues and eigenvectors of a symmetric matrix. A matrix that is not square is a caller's mistake: RangeError. */
export function symmetricEigen(matrix: Dense): SymmetricEigen {
  const n = matrix.rows;
  if (n !== matrix.columns) throw new RangeError(`a ${n} × ${matrix.columns} matrix has no eigenvalues`);
  // Shifted by its norm the matrix is positive semidefinite, and its singular values are its eigenvalues plus the shift.
  let squares = 0;
  for (const value of matrix.values) squares += value * value;
  const shift = Math.sqrt(squares);
  const shifted = zeros(n, n);
  shifted.values.set(matrix.values);
  for (let i = 0; i < n; i++) shifted.values[i * n + i] = (shifted.values[i * n + i] as number) + shift;
  const { values, right } = svd(shifted);
  return { values: values.map((value) => value - shift), vectors: right };
}
