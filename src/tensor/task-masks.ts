import type { GroupTask } from './pass';
import type { TensorSpan } from './span';

/** What is counted over several tasks together reads a base and its tasks, entry by entry. */
interface TasksOfTensor {
  readonly base: TensorSpan;
  readonly tasks: readonly GroupTask[];
}

/** Asks for {@link SignCounts}. An entry of a task is active where |τ| > `epsilon`. */
export interface SignsItem extends TasksOfTensor {
  readonly kind: 'signs';
  readonly epsilon: number;
}

/**
 * Signs of every task's τ in one tensor. An entry where base, task or τ is not finite counts in that task's `skipped`
 * only; elsewhere it is as if the task left it unchanged. Arrays have one figure per task, those over pairs one for
 * every i < j, at {@link pairAt}.
 */
export interface SignCounts {
  readonly kind: 'signs';
  readonly count: number;
  /** Entries that some task does not skip. */
  readonly counted: number;
  readonly skipped: Float64Array;
  /** Σ(Στ)² over the entries, and Στ² of each task. */
  readonly sumSquares: number;
  readonly squares: Float64Array;
  /** Entries with τ ≠ 0. */
  readonly changed: Float64Array;
  /** Pairs: entries with τᵢ·τⱼ < 0, and entries where neither is 0. */
  readonly opposed: Float64Array;
  readonly both: Float64Array;
  /** Entries where some τ > 0 and some τ < 0. */
  readonly opposedAny: number;
  /** Entries with Στ > 0 and with Στ < 0: the sign that TIES elects. */
  readonly electedPositive: number;
  readonly electedNegative: number;
  /** Entries of a task with the elected sign. */
  readonly agreeing: Float64Array;
  /** Entries with |τ| > ε in exactly one task, in more than one; and for each task those in no other. */
  readonly unique: number;
  readonly shared: number;
  readonly uniqueOf: Float64Array;
}

/** Asks for {@link MaskCounts}: `lambdas` has λ for each task, `grid` further values, ascending, that every task is tried with. */
export interface MasksItem extends TasksOfTensor {
  readonly kind: 'masks';
  readonly lambdas: readonly number[];
  readonly grid: readonly number[];
}

/**
 * The masks 1[|τₜ| > λₜ|τ_MTL − τₜ|] with τ_MTL = Στ, in one tensor. What is skipped is so as in {@link SignCounts},
 * and in no mask. Arrays have one figure per task where nothing else is said.
 */
export interface MaskCounts {
  readonly kind: 'masks';
  readonly count: number;
  readonly counted: number;
  readonly skipped: Float64Array;
  /** Entries in a task's mask. */
  readonly on: Float64Array;
  /** Pairs: entries in both masks, at {@link pairAt}. */
  readonly onBoth: Float64Array;
  /** Entries in the masks of exactly k tasks, k = 0 … tasks, among those counted. */
  readonly tasksOn: Float64Array;
  /** Στ² and Σ(mask·τ_MTL − τ)². */
  readonly squares: Float64Array;
  readonly errors: Float64Array;
  /** The same as `on` and `errors` for every value of the grid, at task · grid + value. */
  readonly gridOn: Float64Array;
  readonly gridErrors: Float64Array;
}

/** Number of pairs i < j of `n` tasks. */
export function pairsOf(n: number): number {
  return (n * (n - 1)) / 2;
}

/** Where a pair i < j of `n` tasks stands among all pairs. */
export function pairAt(i: number, j: number, n: number): number {
  return i * n - (i * (i + 1)) / 2 + (j - i - 1);
}
