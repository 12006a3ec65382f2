import { transposed, type Dense } from './linear/dense';
import { multiplyTransposed, shortGram } from './linear/multiply';
import type { LowRankDelta } from './pass';

/** A₁A₂ᵀ and B₁ᵀB₂ of two factored deltas, r₁ × r₂ each, row-major. */
export interface FactorProducts {
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/** Factors of a run of deltas one above the other: all A, and all Bᵀ. Their shapes but for the rank are the same. */
interface Stack {
  readonly deltas: readonly LowRankDelta[];
  readonly a: Dense;
  readonly b: Dense;
  /** Row at which each delta begins. */
  readonly starts: readonly number[];
}

/** Rows of a stack: as many as the product of two fits well into the processor's cache. */
const STACKED_ROWS = 256;

/**
 * Visits every pair i ≤ j of deltas of one shape with the products of their factors, from products of stacked factors: the
 * factors are gone through a run at a time, (m + n)·r₁r₂ steps a pair. What is handed over is overwritten by no one.
 * A delta that is `null`, or has another shape than the first, is left out.
 */
export function forFactorPairs(
  deltas: readonly (LowRankDelta | null)[],
  visit: (i: number, j: number, products: FactorProducts) => void,
): void {
  const first = deltas.find((each) => each !== null);
  const places = deltas.flatMap((each, at) =>
    each && first && each.rows === first.rows && each.columns === first.columns ? [at] : [],
  );
  const runs = runsOf(places, deltas);
  const stacks = runs.map((run) => stackOf(run.flatMap((at) => deltas[at] ?? [])));
  for (const [p, left] of stacks.entries()) {
    for (const [q, right] of stacks.entries()) {
      if (q < p) continue;
      const a = multiplyTransposed(left.a, right.a);
      const b = multiplyTransposed(left.b, right.b);
      for (const [x, i] of (runs[p] ?? []).entries()) {
        for (const [y, j] of (runs[q] ?? []).entries()) {
          if (j >= i) visit(i, j, { a: blockOf(a, left, x, right, y), b: blockOf(b, left, x, right, y) });
        }
      }
    }
  }
}

/** ⟨s₁B₁A₁, s₂B₂A₂⟩ = s₁s₂ Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ), from tr(A₁ᵀB₁ᵀB₂A₂) by cycling the trace. */
export function innerOf(x: LowRankDelta, y: LowRankDelta, { a, b }: FactorProducts): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return x.scale * y.scale * sum;
}

/**
 * ‖sBA‖² = s² Σ (BᵀB) ∘ (AAᵀ) in the Frobenius norm, from the factors as they lie. Never negative; NaN where a factor is not
 * finite.
 */
export function factoredSquares(delta: LowRankDelta): number {
  const { scale, rank, rows, columns } = delta;
  if (rank <= Math.min(rows, columns)) {
    const b = shortGram({ rows, columns: rank, values: delta.b }).values;
    const a = shortGram({ rows: rank, columns, values: delta.a }).values;
    const sum = a.reduce((total, value, at) => total + value * (b[at] as number), 0);
    return sum < 0 ? 0 : scale * scale * sum;
  }
  let squares = 0;
  forFactorPairs([delta], (_, __, products) => {
    squares = innerOf(delta, delta, products);
  });
  return squares < 0 ? 0 : squares;
}

/** Whether neither factor holds NaN or an infinity. */
export function hasFiniteFactors({ a, b }: LowRankDelta): boolean {
  return a.every(Number.isFinite) && b.every(Number.isFinite);
}

function runsOf(places: readonly number[], deltas: readonly (LowRankDelta | null)[]): number[][] {
  const runs: number[][] = [];
  let rows = Infinity;
  for (const at of places) {
    const rank = deltas[at]?.rank ?? 0;
    if (rows + rank > STACKED_ROWS) {
      runs.push([]);
      rows = 0;
    }
    runs.at(-1)?.push(at);
    rows += rank;
  }
  return runs;
}

function stackOf(deltas: readonly LowRankDelta[]): Stack {
  const [first] = deltas;
  const starts: number[] = [];
  const total = deltas.reduce((sum, { rank }) => {
    starts.push(sum);
    return sum + rank;
  }, 0);
  const { rows = 0, columns = 0 } = first ?? {};
  const a = new Float64Array(total * columns);
  const b = new Float64Array(total * rows);
  deltas.forEach((delta, at) => {
    const start = starts[at] ?? 0;
    a.set(delta.a, start * columns);
    b.set(transposed({ rows, columns: delta.rank, values: delta.b }).values, start * rows);
  });
  return {
    deltas,
    a: { rows: total, columns, values: a },
    b: { rows: total, columns: rows, values: b },
    starts,
  };
}

function blockOf({ columns, values }: Dense, left: Stack, x: number, right: Stack, y: number): Float64Array {
  const [rows, width] = [left.deltas[x]?.rank ?? 0, right.deltas[y]?.rank ?? 0];
  const [top, side] = [left.starts[x] ?? 0, right.starts[y] ?? 0];
  const block = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = (top + row) * columns + side;
    block.set(values.subarray(from, from + width), row * width);
  }
  return block;
}
