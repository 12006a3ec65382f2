import type { Dense } from '../tensor/linear/dense';
import { squaresOf } from '../tensor/linear/dense';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { poolingResidual, type Alignment } from './head-pooling';
import { headRows } from './head-weights';

/** The leading right singular vectors of one layer's W_K or W_V, one a row. */
export interface RowSpace {
  readonly basis: Dense;
  /** Smallest k with the wanted share of Σσ². */
  readonly rank: number;
}

/**
 * What is lost, as a share of Σ‖W_h‖², by pooling `heads` key-value heads to `groups` of neighbours (Ainslie et al. 2023),
 * each group replaced by its mean up to `alignment`. `groups` divides `heads`. `null` where all heads are 0.
 */
export function pooledResidual(
  stacked: Dense,
  heads: number,
  groups: number,
  alignment: Alignment,
): number | null {
  const size = stacked.rows / heads;
  const shared = heads / groups;
  let [lost, total] = [0, 0];
  for (let group = 0; group < groups; group++) {
    const parts = Array.from({ length: shared }, (_, k) => headRows(stacked, group * shared + k, size));
    const squares = parts.reduce((sum, part) => sum + squaresOf(part), 0);
    const residual = poolingResidual(parts, alignment);
    if (residual !== null) lost += residual * squares;
    total += squares;
  }
  return total > 0 ? lost / total : null;
}

/** Smallest number of singular values (descending) with at least `share` of Σσ²; 0 where all are 0. */
export function rankAt(singular: Float64Array, share: number): number {
  const total = singular.reduce((sum, value) => sum + value * value, 0);
  if (total === 0) return 0;
  let kept = 0;
  for (const [index, value] of singular.entries()) {
    kept += value * value;
    if (kept >= share * total) return index + 1;
  }
  return singular.length;
}

/**
 * φ = ‖A·Bᵀ‖²_F / min(rank A, rank B), 0 to 1, of two row spaces; two random ones reach max(rank A, rank B)/hidden.
 * `null` where one is empty or they lie in different spaces.
 */
export function rowSpaceOverlap(a: RowSpace, b: RowSpace): number | null {
  if (a.basis.columns !== b.basis.columns) return null;
  const least = Math.min(a.basis.rows, b.basis.rows);
  return least > 0 ? Math.min(1, squaresOf(multiplyTransposed(a.basis, b.basis)) / least) : null;
}

/** What {@link rowSpaceOverlap} of two random spaces of these ranks is in the mean. */
export function randomOverlap(a: RowSpace, b: RowSpace): number {
  return Math.max(a.basis.rows, b.basis.rows) / a.basis.columns;
}

/** ‖A − B‖_F / ‖B‖_F; `null` where B is 0. */
export function relativeDifference(a: Dense, b: Dense): number | null {
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.values.length; i++) {
    const value = b.values[i] as number;
    difference += ((a.values[i] as number) - value) ** 2;
    size += value * value;
  }
  return size > 0 ? Math.sqrt(difference / size) : null;
}
