import type { LowRankDelta } from '../pass';
import { transposed, type Dense } from './dense';
import { multiply, multiplyTransposed } from './multiply';
import { thinQr } from './qr';
import { svd, type Svd } from './svd';

/**
 * The exact decomposition of τ = s·B·A, at most r singular values, without forming the product:
 * B = Q₁R₁, Aᵀ = Q₂R₂, s·R₁R₂ᵀ = UΣVᵀ, so τ = (Q₁U) Σ (Q₂V)ᵀ.
 */
export function lowRankSvd({ scale, b, a, rows, columns, rank }: LowRankDelta): Svd {
  const left = thinQr({ rows, columns: rank, values: b });
  const right = thinQr(transposed({ rows: rank, columns, values: a }));
  const core: Dense = multiplyTransposed(left.r, right.r);
  const inner = svd({ ...core, values: core.values.map((value) => scale * value) });
  return {
    left: multiply(left.q, inner.left),
    values: inner.values,
    right: multiplyTransposed(inner.right, right.q),
    error: inner.error,
  };
}
