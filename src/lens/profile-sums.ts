import type { TaskSums } from '../tensor/pass';

/** Sums over one or more tensors of one task, from which every figure of a task vector follows. */
export interface ProfileSums {
  readonly tensors: number;
  readonly count: number;
  readonly baseSquares: number;
  readonly taskSquares: number;
  readonly dot: number;
  readonly deltaSquares: number;
  /** The five below are `null` where an adapter was not looked at element by element. */
  readonly deltaAbsMax: number | null;
  readonly identical: number | null;
  readonly signFlips: number | null;
  /** Entries with |τ| ≤ ε·rms(θ₀) of their tensor. */
  readonly below: number | null;
  /** Entries where both sides are finite. */
  readonly compared: number | null;
}

/** The figures of a task vector; `null` is undefined (0/0, or not computed). Names are those of the table's columns. */
export interface ProfileFigures {
  readonly norm_base: number | null;
  readonly norm: number | null;
  readonly relative: number | null;
  readonly cosine: number | null;
  readonly max_abs: number | null;
  readonly identical_share: number | null;
  readonly below_epsilon_share: number | null;
  readonly sign_flip_share: number | null;
}

/** The sums of one tensor, as a pass gives them; `below` counts the entries with |τ| ≤ ε·rms(θ₀). */
export function profileOf(
  count: number,
  baseSquares: number,
  sums: TaskSums,
  below: number | null,
): ProfileSums {
  const { taskSquares, dot, deltaSquares, deltaAbsMax, identical, signFlips, skipped } = sums;
  const compared = skipped === null ? null : count - skipped;
  return {
    tensors: 1,
    count,
    baseSquares,
    taskSquares,
    dot,
    deltaSquares,
    deltaAbsMax,
    identical,
    signFlips,
    below,
    compared,
  };
}

/** The sums of several tensors taken as one long vector. */
export function addProfiles(a: ProfileSums, b: ProfileSums): ProfileSums {
  return {
    tensors: a.tensors + b.tensors,
    count: a.count + b.count,
    baseSquares: a.baseSquares + b.baseSquares,
    taskSquares: a.taskSquares + b.taskSquares,
    dot: a.dot + b.dot,
    deltaSquares: a.deltaSquares + b.deltaSquares,
    deltaAbsMax: both(a.deltaAbsMax, b.deltaAbsMax, Math.max),
    identical: both(a.identical, b.identical, plus),
    signFlips: both(a.signFlips, b.signFlips, plus),
    below: both(a.below, b.below, plus),
    compared: both(a.compared, b.compared, plus),
  };
}

/**
 * ‖θ₀‖, ‖τ‖, ‖τ‖/‖θ₀‖, cos(θ₀, θ), max|τ|, shares of τ = 0, of |τ| ≤ ε·rms(θ₀) and of θ₀·θ < 0 (Ilharco et al. 2023: τ = θ − θ₀).
 * Shares are of the entries where both sides are finite.
 */
export function figuresOf(sums: ProfileSums): ProfileFigures {
  if (sums.count === 0) return EMPTY;
  const base = Math.sqrt(sums.baseSquares);
  // Nothing was compared: a sum of no terms says nothing about the task, nor a base without a finite entry of itself.
  if (sums.compared === 0) return { ...EMPTY, norm_base: base > 0 ? finiteOrNull(base) : null };
  const norm = Math.sqrt(sums.deltaSquares);
  return {
    norm_base: finiteOrNull(base),
    norm: finiteOrNull(norm),
    relative: finiteOrNull(norm / base),
    // An unchanged tensor is in exactly the same direction; rounding would say 0.9999999999999999.
    cosine: sums.deltaSquares === 0 && base > 0 ? 1 : cosine(sums.dot, sums.baseSquares, sums.taskSquares),
    max_abs: finiteOrNull(sums.deltaAbsMax),
    identical_share: share(sums.identical, sums.compared),
    below_epsilon_share: share(sums.below, sums.compared),
    sign_flip_share: share(sums.signFlips, sums.compared),
  };
}

const EMPTY: ProfileFigures = {
  norm_base: null,
  norm: null,
  relative: null,
  cosine: null,
  max_abs: null,
  identical_share: null,
  below_epsilon_share: null,
  sign_flip_share: null,
};

/** cos = ⟨x, y⟩ / (‖x‖‖y‖) from inner product and squared norms, within [−1, 1]; `null` where a norm is 0. */
export function cosine(dot: number, squaresOfX: number, squaresOfY: number): number | null {
  // Two roots, not the root of the product: that would overflow, or vanish, far sooner.
  const value = finiteOrNull(dot / (Math.sqrt(squaresOfX) * Math.sqrt(squaresOfY)));
  return value === null ? null : Math.max(-1, Math.min(1, value));
}

/** A number that JSON can hold, else `null`. */
export function finiteOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

function share(part: number | null, whole: number | null): number | null {
  return part === null || whole === null ? null : finiteOrNull(part / whole);
}

function both(a: number | null, b: number | null, join: (a: number, b: number) => number): number | null {
  return a === null || b === null ? null : join(a, b);
}

function plus(a: number, b: number): number {
  return a + b;
}
