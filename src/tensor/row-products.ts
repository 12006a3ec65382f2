import type { GroupTask } from './pass';
import type { TensorSpan } from './span';

/** How task vectors are merged. */
export type MergeRule =
  /** Σ wₜτₜ, the weights in the order of the tasks. */
  | { readonly kind: 'weighted'; readonly weights: readonly number[] }
  /** TIES without trimming (Yadav et al. 2023): `scale` times the mean of the entries whose sign is that of Στ. */
  | { readonly kind: 'elected'; readonly scale: number };

/** Asks for {@link RowProducts} of a merge with its tasks, by rows of `rowLength` entries. */
export interface RowProductsItem {
  readonly kind: 'rowProducts';
  readonly base: TensorSpan;
  readonly tasks: readonly GroupTask[];
  readonly rowLength: number;
  readonly merge: MergeRule;
}

/** Inner products by row; tasks in the order of the item. Entries where base or task is not finite count as 0. */
export interface RowProducts {
  readonly kind: 'rowProducts';
  readonly rows: number;
  /** ⟨τₜ, m⟩ and ‖τₜ‖² of every row, rows × tasks. */
  readonly dots: Float64Array;
  readonly squares: Float64Array;
  /** ‖m‖² of every row. */
  readonly merged: Float64Array;
  /** Entries of each task left out. */
  readonly skipped: Float64Array;
}
