import { rowsOf, zeros, type Dense } from '../tensor/linear/dense';
import { gramFactor, gramOfRows } from '../tensor/linear/gram-factor';
import { multiply, multiplyTransposed } from '../tensor/linear/multiply';
import { singularValues, svd } from '../tensor/linear/svd';

/**
 * One of the two matrices of an attention head as a product of thin factors, W = leftᵀ·right, both head size × hidden
 * and never multiplied out: W_QK = W_Qᵀ·W_K (a score is x_destinationᵀ·W_QK·x_source) and W_OV = W_O·W_V, with W_O
 * given transposed (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits").
 */
export interface Circuit {
  readonly left: Dense;
  readonly right: Dense;
}

/**
 * What stands for a circuit in its head's own coordinates: left·leftᵀ = lᵀ·l and right·rightᵀ = rᵀ·r with `l` and `r` at
 * most head size × head size. The core l·rᵀ has the singular values of W.
 */
export interface CircuitFactors {
  readonly left: Dense;
  readonly right: Dense;
  readonly core: Dense;
}

/** Reduces a circuit to its factors in head size: cost hidden × head size². */
export function circuitFactors({ left, right }: Circuit): CircuitFactors {
  const l = gramFactor(gramOfRows(left));
  const r = gramFactor(gramOfRows(right));
  const core = l.rows > 0 && r.rows > 0 ? multiplyTransposed(l, r) : zeros(0, 0);
  return { left: l, right: r, core };
}

/** Singular values of a circuit, descending, at most head size of them. */
export function circuitSpectrum({ core }: CircuitFactors): Float64Array {
  return core.values.length > 0 ? singularValues(core).values : new Float64Array(0);
}

/** The first components of a circuit's singular value decomposition. */
export interface CircuitComponents {
  /** All singular values, descending. */
  readonly values: Float64Array;
  /** Unit left singular vectors (what W writes), one a row, k × hidden, of the components whose value is not 0. */
  readonly left: Dense;
}

/** The `count` largest components of W: with W = leftᵀ·right, v = Q_r·w for a right vector w of the core, σu = W·v = leftᵀ·rᵀ·w. */
export function circuitComponents(
  circuit: Circuit,
  factors: CircuitFactors,
  count: number,
): CircuitComponents {
  const hidden = circuit.left.columns;
  if (factors.core.values.length === 0) return { values: new Float64Array(0), left: zeros(0, hidden) };
  const { values, right } = svd(factors.core);
  const floor = (values[0] ?? 0) * 1e-12;
  const kept = Math.min(count, values.filter((value) => value > floor).length);
  if (kept === 0) return { values, left: zeros(0, hidden) };
  const left = multiply(multiply(rowsOf(right, 0, kept), factors.right), circuit.left);
  for (let k = 0; k < kept; k++) normalise(rowsOf(left, k, k + 1).values);
  return { values, left };
}

function normalise(vector: Float64Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const norm = Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / norm;
}

/** ⟨A, B⟩ of two circuits in the space of hidden × hidden matrices: Σ (A.left·B.leftᵀ) ∘ (A.right·B.rightᵀ). */
export function circuitInner(a: Circuit, b: Circuit): number {
  return innerOf(multiplyTransposed(a.left, b.left).values, multiplyTransposed(a.right, b.right).values);
}

/** The trace of W, Σ left ∘ right. */
export function circuitTrace({ left, right }: Circuit): number {
  return innerOf(left.values, right.values);
}

function innerOf(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
  return sum;
}
