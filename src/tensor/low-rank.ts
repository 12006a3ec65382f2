import type { LowRankDelta } from './pass';

/**
 * ⟨s₁B₁A₁, s₂B₂A₂⟩ = s₁s₂ · Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ), from tr(A₁ᵀB₁ᵀB₂A₂) by cycling the trace: (m + n)·r₁r₂ steps
 * instead of m·n·(r₁ + r₂), in float64. Deltas of different shapes are a caller's mistake: RangeError.
 */
export function lowRankInner(x: LowRankDelta, y: LowRankDelta): number {
  if (x.rows !== y.rows || x.columns !== y.columns) {
    throw new RangeError(
      `a ${x.rows} × ${x.columns} and a ${y.rows} × ${y.columns} delta have no inner product`,
    );
  }
  const left = productOfB(x, y);
  const right = productOfA(x, y);
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number);
  return x.scale * y.scale * sum;
}

/** ‖sBA‖² in the Frobenius norm, without the product. Never negative. */
export function lowRankSquares(x: LowRankDelta): number {
  const squares = lowRankInner(x, x);
  return squares < 0 ? 0 : squares;
}

/** A₁A₂ᵀ, r₁ × r₂, row-major. */
export function productOfA(x: LowRankDelta, y: LowRankDelta): Float64Array {
  const product = new Float64Array(x.rank * y.rank);
  for (let p = 0; p < x.rank; p++) {
    const row = x.a.subarray(p * x.columns, (p + 1) * x.columns);
    for (let q = 0; q < y.rank; q++) {
      let sum = 0;
      for (let j = 0; j < row.length; j++) sum += (row[j] as number) * (y.a[q * y.columns + j] as number);
      product[p * y.rank + q] = sum;
    }
  }
  return product;
}

/** B₁ᵀB₂, r₁ × r₂, row-major: a sum of outer products, so that B is read in its own order. */
function productOfB(x: LowRankDelta, y: LowRankDelta): Float64Array {
  const product = new Float64Array(x.rank * y.rank);
  for (let i = 0; i < x.rows; i++) {
    for (let p = 0; p < x.rank; p++) {
      const factor = x.b[i * x.rank + p] as number;
      for (let q = 0; q < y.rank; q++) {
        const cell = p * y.rank + q;
        product[cell] = (product[cell] as number) + factor * (y.b[i * y.rank + q] as number);
      }
    }
  }
  return product;
}
