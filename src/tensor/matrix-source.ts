import type { GroupTask } from './pass';
import type { TensorSpan } from './span';

/**
 * Where a matrix comes from: a tensor, a task vector, a sum of such, or values in memory. Plain data, so a worker can
 * have it. `rows × columns` is the matrix as it is wanted; a tensor of more dimensions is taken as rows in C order.
 */
export interface MatrixSource {
  readonly rows: number;
  readonly columns: number;
  /** True where the stored matrix is `columns × rows` and is to be turned (Conv1D weights). */
  readonly transposed?: boolean;
  readonly terms: readonly MatrixTerm[];
}

/** One summand; `weight` is its factor. All terms of a source have the same stored shape. */
export type MatrixTerm = { readonly weight: number } & (
  | {
      readonly kind: 'tensor';
      readonly span: TensorSpan;
      /** Flat index of the first element, for a slice of a larger tensor (one expert of a fused stack). 0 where not given. */
      readonly first?: number;
    }
  /** τ of a task. A low-rank task's entries are formed; `first` as above, for dense tasks only. */
  | {
      readonly kind: 'delta';
      readonly base: TensorSpan;
      readonly task: GroupTask | StoredFactors;
      readonly first?: number;
    }
  | { readonly kind: 'values'; readonly values: Float64Array }
);

/** A low-rank task whose factors the worker reads, when the matrix is its turn: `τ = scale · B · A`. */
export interface StoredFactors {
  readonly kind: 'stored';
  readonly scale: number;
  readonly rank: number;
  /** rank × n and m × rank, as the adapter stores them. */
  readonly a: TensorSpan;
  readonly b: TensorSpan;
  /** Whether the base has (B·A)ᵀ, n × m. */
  readonly transposed: boolean;
}

/** What is wanted of a matrix. */
export type MatrixOperation =
  /** The entries. */
  | { readonly kind: 'values' }
  /** ‖M‖_F²; of factors from their Gram matrices. NaN where an entry is not finite. */
  | { readonly kind: 'squares' }
  /** All singular values. */
  | { readonly kind: 'singularValues' }
  /** The `rank` largest singular values with their vectors; all of them where `rank` is null. */
  | { readonly kind: 'svd'; readonly rank: number | null }
  /** All singular values, and how much of each part lies along each left singular vector. Parts have as many rows. */
  | { readonly kind: 'alignment'; readonly parts: readonly MatrixSource[] }
  /**
   * Inner products of the terms, all of them factored, with each other instead of their sum: of all pairs, or of the first
   * `left` terms with those after them.
   */
  | { readonly kind: 'factorPairs'; readonly left: number | null };

/** What factored deltas of one shape have in common, n of them; n × n row-major, only i ≤ j. */
export interface FactorPairs {
  /** ⟨ΔWᵢ, ΔWⱼ⟩; NaN of deltas with factors that are not finite, and 0 where a pair was not asked for. */
  readonly inner: Float64Array;
  /** |vᵢ·vⱼ| of Arrow's prototypes (`arrow-prototype.ts`); NaN where one of them has none, or the pair was not asked for. */
  readonly prototypes: Float64Array;
  /** σ₁²/Σσ² of each delta; NaN where there is no prototype. */
  readonly shares: Float64Array;
  /** Deltas whose factors hold NaN or infinities, ascending. */
  readonly notFinite: readonly number[];
}

/** What came of a matrix; what the operation does not give is `null`. */
export interface MatrixOutcome {
  readonly kind: 'matrix';
  readonly rows: number;
  readonly columns: number;
  /** Entries that are not finite; where there is one, singular values and vectors are `null`. */
  readonly nonFinite: number;
  /** Row-major. */
  readonly values: Float64Array | null;
  /** Descending. */
  readonly singular: Float64Array | null;
  /** rows × k and k × columns, row-major. */
  readonly left: Float64Array | null;
  readonly right: Float64Array | null;
  /** ‖uᵢᵀP‖² for every part P and left singular vector uᵢ, parts × k, row-major; NaN where a part is not finite. */
  readonly energies: Float64Array | null;
  /** ‖P‖_F² of every part, or of the matrix itself where that was asked for. */
  readonly squares: Float64Array | null;
  /** Bound of the error of any singular value, in their units. */
  readonly error: number | null;
  /** Why a matrix is too large for what was wanted of it, as a sentence. Not there where it is not; else all is `null`. */
  readonly tooLarge?: string;
  /** Only there where it was asked for. */
  readonly pairs?: FactorPairs;
}

/** The spans that a matrix and its operation read, apart from those of stored factors, which are not cut into chunks. */
export function spansOfMatrix(source: MatrixSource, operation: MatrixOperation): readonly TensorSpan[] {
  const parts = operation.kind === 'alignment' ? operation.parts : [];
  return [source, ...parts].flatMap(spansOfSource);
}

/** The spans that a source reads. */
function spansOfSource({ terms }: MatrixSource): readonly TensorSpan[] {
  return terms.flatMap((term) => {
    if (term.kind === 'tensor') return [term.span];
    if (term.kind === 'values') return [];
    return term.task.kind === 'dense' ? [term.base, term.task.span] : [];
  });
}
