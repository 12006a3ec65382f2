import { livingRanks } from './spectral-figures';

/** Where the singular values of a product of random factors would end, and how many of an adapter's are beyond. */
export interface ProductEdge {
  readonly edge: number;
  readonly above: number;
}

/** The median of fewer values says nothing of the rest. */
const LEAST_RANKS = 4;

/**
 * The random-matrix edge of an m × n product B·A of rank r whose factors have independent entries. The singular values of an
 * m × r factor lie within s(√m ± √r) (Davidson, Szarek 2001, thm. II.13), so those of the product lie below
 * s_B s_A (√m + √r)(√n + √r), and near s_B s_A √(mn) where r is small. The level s_B s_A is estimated from the median of the
 * singular values that are not dead: edge = σ_med (1 + √(r/m))(1 + √(r/n)). A proxy, since trained factors are no noise; at
 * most half the ranks can be above. `null` with fewer than four living ranks. `singular` descends.
 */
export function productEdge(
  singular: Float64Array,
  rows: number,
  columns: number,
  rank: number,
): ProductEdge | null {
  const living = livingRanks(singular.subarray(0, rank));
  if (living < LEAST_RANKS || rank > Math.min(rows, columns)) return null;
  const median = ((singular[(living - 1) >> 1] ?? 0) + (singular[living >> 1] ?? 0)) / 2;
  const edge = median * (1 + Math.sqrt(rank / rows)) * (1 + Math.sqrt(rank / columns));
  let above = 0;
  for (const value of singular) if (value > edge) above++;
  return { edge, above };
}
