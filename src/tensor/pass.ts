import type { Result } from '../protocol/result';
import type {
  Magnitudes,
  MagnitudesItem,
  MagnitudeValues,
  MagnitudeValuesItem,
  RowBands,
  RowBandsItem,
} from './magnitudes';
import type { MatrixOperation, MatrixOutcome, MatrixSource } from './matrix-source';
import type { RowProducts, RowProductsItem } from './row-products';
import type { TensorSpan } from './span';
import type { MaskCounts, MasksItem, SignCounts, SignsItem } from './task-masks';

/** Low-rank task vector of one tensor, `τ = scale · B · A`, with both factors in memory (they are small). */
export interface LowRankDelta {
  readonly scale: number;
  /** m × r, row-major. */
  readonly b: Float64Array;
  /** r × n, row-major. */
  readonly a: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
}

/** One task of a group: a fine-tuned tensor of the base's shape, or a low-rank delta of it. */
export type GroupTask =
  | { readonly kind: 'dense'; readonly span: TensorSpan }
  | { readonly kind: 'lowRank'; readonly delta: LowRankDelta };

/**
 * One piece of work of a streaming pass. The bytes of every span are read once, whatever is asked of them.
 * `moments`: moments and extremes of one tensor. `histogram`: counts between known edges. `group`: a base tensor and its
 * tasks: everything a task vector's profile and Gram matrix need. `deltaMoments`/`deltaHistogram`: the same of
 * `τ = θ − θ₀` (streamed row by row for a low-rank task, never held whole). `matrix`: one matrix as a whole, by one
 * worker: its entries or its singular values; different matrices are worked on side by side. `signs`/`masks`: counts over
 * several tasks together, entry by entry. `magnitudes`/`magnitudeValues`/`rowBands`: how sizes |τ| are distributed.
 * `axisSquares`: Σx² of every row and column of one tensor. `fused`: several of these that read the same bytes;
 * `fused-passes.ts` makes them.
 * `rowProducts`: a merge against each of its tasks, row by row.
 */
export type PassItem =
  | SingleItem
  | { readonly kind: 'matrix'; readonly source: MatrixSource; readonly operation: MatrixOperation }
  | FusedItem;

/** An item over the chunks of its spans that is not put together from others. */
export type SingleItem =
  | { readonly kind: 'moments'; readonly span: TensorSpan }
  | { readonly kind: 'histogram'; readonly span: TensorSpan; readonly edges: Float64Array }
  | {
      readonly kind: 'group';
      readonly base: TensorSpan;
      readonly tasks: readonly GroupTask[];
      readonly elementwise: boolean;
    }
  | { readonly kind: 'deltaMoments'; readonly base: TensorSpan; readonly task: GroupTask }
  | {
      readonly kind: 'deltaHistogram';
      readonly base: TensorSpan;
      readonly task: GroupTask;
      readonly edges: Float64Array;
    }
  | SignsItem
  | MasksItem
  | {
      readonly kind: 'axisSquares';
      readonly span: TensorSpan;
      /** Length of the second dimension, and entries of a row and column together: 1 for a matrix. */
      readonly columns: number;
      readonly depth: number;
    }
  | MagnitudesItem
  | MagnitudeValuesItem
  | RowBandsItem
  | RowProductsItem;

/** Items over the same spans, or over some of them, that are cut into the same chunks. */
export interface FusedItem {
  readonly kind: 'fused';
  /** All spans that the parts read, each once. */
  readonly spans: readonly TensorSpan[];
  readonly parts: readonly FusedPart[];
}

export interface FusedPart {
  readonly item: SingleItem;
  /** For each span that the item reads its position among those of the fused item. */
  readonly slots: readonly number[];
}

/** The outcomes of the parts, in their order. */
export interface FusedOutcome {
  readonly kind: 'fused';
  readonly outcomes: readonly PassOutcome[];
}

/** Float64 moments over the finite entries. `mean` and `m2` (sum of squared deviations) are merged by Chan's formula. */
export interface Moments {
  readonly kind: 'moments';
  readonly count: number;
  readonly finite: number;
  readonly mean: number;
  readonly m2: number;
  /** +Infinity where nothing is finite. */
  readonly min: number;
  /** −Infinity where nothing is finite. */
  readonly max: number;
  readonly l1: number;
  /** Σx² */
  readonly squares: number;
  readonly zeros: number;
  readonly nan: number;
  readonly inf: number;
  /** Flat indices of the first NaN and ±Inf entries, ascending, at most 8. */
  readonly nonFinite: readonly { readonly index: number; readonly value: 'NaN' | '+Inf' | '-Inf' }[];
}

/** Counts per bin; values outside the edges are not counted. */
export interface BinCounts {
  readonly kind: 'bins';
  readonly counts: Float64Array;
}

/** Sums over one base tensor and one task. Entries where either side is not finite count in `skipped` only. */
export interface TaskSums {
  /** Σθ² */
  readonly taskSquares: number;
  /** Σθ₀θ */
  readonly dot: number;
  /** Σ(θ−θ₀)², summed as such */
  readonly deltaSquares: number;
  /** The four below are `null` for a low-rank task unless `elementwise` was asked for. */
  readonly deltaAbsMax: number | null;
  /** Entries with τ = 0. */
  readonly identical: number | null;
  /** Entries with θ₀·θ < 0. */
  readonly signFlips: number | null;
  readonly skipped: number | null;
}

export interface GroupSums {
  readonly kind: 'group';
  readonly count: number;
  /** Σθ₀² */
  readonly baseSquares: number;
  readonly tasks: readonly TaskSums[];
  /** tasks × tasks inner products ⟨τᵢ, τⱼ⟩, row-major. */
  readonly gram: Float64Array;
}

/** Σx² along two axes of a tensor. Rows from `firstRow` on, all of them once a pass is done. */
export interface AxisSquares {
  readonly kind: 'axisSquares';
  readonly firstRow: number;
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  /** Entries left out because they are not finite. */
  readonly skipped: number;
}

export type PassOutcome =
  | Moments
  | BinCounts
  | GroupSums
  | MatrixOutcome
  | SignCounts
  | MaskCounts
  | AxisSquares
  | Magnitudes
  | MagnitudeValues
  | RowBands
  | RowProducts
  | FusedOutcome;

/** Runs passes over worker threads. Implemented by `pool.ts`, and by a slow obvious one in the tests. */
export interface PassRunner {
  /**
   * Outcomes stand in the order of the items. Fails with `cancelled`, `file-changed` (a span ends beyond its file),
   * or the operating system's answer. `onBytes` gets the running total of bytes read, at most ten times a second.
   */
  run(
    items: readonly PassItem[],
    options: { readonly signal: AbortSignal; readonly onBytes?: (done: number, total: number) => void },
  ): Promise<Result<readonly PassOutcome[]>>;
}
