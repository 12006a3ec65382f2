import type { LowRankDelta } from '../pass';
import { DenseKernels, turned } from '../wasm/dense-kernels';
import { transposed, type Dense } from './dense';
import { multiply, multiplyTransposed } from './multiply';
import { PANEL, thinQr, triangularise } from './qr';
import { NEVER } from './stop';
import { singularValues, svd, type Spectrum, type Svd } from './svd';

/**
 * The exact decomposition of τ = s·B·A, at most r singular values, without forming the product:
 * B = Q₁R₁, Aᵀ = Q₂R₂, s·R₁R₂ᵀ = UΣVᵀ, so τ = (Q₁U) Σ (Q₂V)ᵀ.
 */
export function lowRankSvd({ scale, b, a, rows, columns, rank }: LowRankDelta): Svd {
  const left = thinQr({ rows, columns: rank, values: b });
  const right = thinQr(transposed({ rows: rank, columns, values: a }));
  const inner = svd(scaled(multiplyTransposed(left.r, right.r), scale));
  return {
    left: multiply(left.q, inner.left),
    values: inner.values,
    right: multiplyTransposed(inner.right, right.q),
    error: inner.error,
  };
}

/** The singular values alone: those of s·R₁R₂ᵀ. */
export function lowRankValues(delta: LowRankDelta): Spectrum {
  const { scale, b, a, rows, columns, rank } = delta;
  const core = DenseKernels.use((kernels): Dense => {
    const left = triangularise(kernels, kernels.put(b, rows, rank), false, NEVER).r;
    const turnedA =
      rank <= PANEL
        ? turned(kernels.put(a, rank, columns))
        : kernels.put(transposed({ rows: rank, columns, values: a }).values, columns, rank);
    const right = triangularise(kernels, turnedA, false, NEVER).r;
    const product = kernels.zeroBlock(left.rows, right.rows);
    kernels.addProduct(1, left, turned(right), product);
    return { rows: left.rows, columns: right.rows, values: kernels.get(product) };
  });
  if (core !== null) return singularValues(scaled(core, scale));
  const { values, error } = lowRankSvd(delta);
  return { values, error };
}

function scaled(matrix: Dense, scale: number): Dense {
  return { ...matrix, values: matrix.values.map((value) => scale * value) };
}
