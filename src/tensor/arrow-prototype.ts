import { gramFactor } from './linear/gram-factor';
import { multiply, multiplyTransposed } from './linear/multiply';
import { transposed, type Dense } from './linear/dense';
import { symmetricEigen } from './linear/symmetric-eigen';
import type { LowRankDelta } from './pass';

/** Arrow's prototype of one matrix of an adapter: the first right singular vector of ΔW, as v = Aᵀ·y. */
export interface ArrowPrototype {
  /** r numbers. */
  readonly y: Float64Array;
  /** σ₁²/Σσ²: how well one direction stands for the matrix. */
  readonly share: number;
}

/**
 * The input direction that ΔW = s·B·A amplifies most (Ostapenko et al. 2024, section 4), without ΔW: with fᵀf = BᵀB the matrix
 * f·A has the same right singular vectors, and v = Aᵀ·fᵀ·z/√λ₁ of the first eigenpair of f·AAᵀ·fᵀ. `null` where ΔW is zero or
 * not finite.
 */
export function arrowPrototype({ b, a, rows, columns, rank }: LowRankDelta): ArrowPrototype | null {
  const left = transposed({ rows, columns: rank, values: b });
  const right = { rows: rank, columns, values: a };
  return prototypeOfGrams(multiplyTransposed(left, left), multiplyTransposed(right, right));
}

/** {@link arrowPrototype} from BᵀB and AAᵀ, r × r each. */
export function prototypeOfGrams(gramOfB: Dense, gramOfA: Dense): ArrowPrototype | null {
  const f = gramFactor(gramOfB);
  if (f.rows === 0 || !f.values.every(Number.isFinite)) return null;
  const core = multiplyTransposed(multiply(f, gramOfA), f);
  if (!core.values.every(Number.isFinite)) return null;
  const { values, vectors } = symmetricEigen(core);
  const largest = values[0] ?? 0;
  if (!(largest > 0)) return null;
  const z = { rows: 1, columns: f.rows, values: vectors.values.subarray(0, f.rows) };
  const y = multiply(z, f).values.map((value) => value / Math.sqrt(largest));
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  return { y, share: largest / total };
}

/** The prototype itself as a vector of length 1, v = Aᵀ·y, with its share; `null` as {@link arrowPrototype} is. */
export function prototypeVector(
  delta: LowRankDelta,
): { readonly vector: Float64Array; readonly share: number } | null {
  const found = arrowPrototype(delta);
  if (found === null) return null;
  const y = { rows: 1, columns: delta.rank, values: found.y };
  const vector = multiply(y, { rows: delta.rank, columns: delta.columns, values: delta.a }).values;
  return { vector, share: found.share };
}

/** (B·A)ᵀ as factors: for weights stored inputs × outputs. */
export function turnedFactors({ scale, b, a, rows, columns, rank }: LowRankDelta): LowRankDelta {
  return {
    scale,
    rank,
    b: transposed({ rows: rank, columns, values: a }).values,
    a: transposed({ rows, columns: rank, values: b }).values,
    rows: columns,
    columns: rows,
  };
}

/** |v₁·v₂| of two prototypes, from A₁A₂ᵀ (r₁ × r₂, row-major). Its sign is arbitrary, as that of a singular vector. */
export function prototypeCosine(x: ArrowPrototype, y: ArrowPrototype, product: Float64Array): number {
  const width = y.y.length;
  let sum = 0;
  for (const [p, left] of x.y.entries()) {
    for (const [q, right] of y.y.entries()) sum += left * right * (product[p * width + q] as number);
  }
  return Math.min(1, Math.abs(sum));
}
