import type { Dense } from './dense';
import { multiply } from './multiply';
import { transposed } from './dense';
import { singularValues } from './svd';

/**
 * Cosines of the principal angles between two subspaces, descending, from orthonormal bases in the columns:
 * the singular values of x ᵀ· y (Björck, Golub 1973), held within [0, 1] against rounding.
 */
export function principalCosines(x: Dense, y: Dense): Float64Array {
  return singularValues(multiply(transposed(x), y)).values.map((value) => Math.min(1, value));
}
