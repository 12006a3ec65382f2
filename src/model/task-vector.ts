import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { Result } from '../protocol/result';
import type { LowRankDelta } from '../tensor/pass';
import type { TensorSpan } from '../tensor/span';
import type { Training } from './trainer-state';

/** `τ` of one tensor of the base. */
export type TensorDelta =
  | { readonly kind: 'dense'; readonly span: TensorSpan }
  /**
   * `load` reads the factors (small) into memory as float64, turned so that `scale · b · a` has the base tensor's shape;
   * it fails as a read does (`file-changed`, `file-missing`, ...). `scale` is already exact (alpha/r, rsLoRA alpha/√r, patterns).
   */
  | {
      readonly kind: 'lowRank';
      readonly scale: number;
      readonly rank: number;
      readonly alpha: number;
      readonly a: TensorEntry;
      readonly b: TensorEntry;
      /** True where the adapter stores the transposed weight (`fan_in_fan_out`). */
      readonly transposed: boolean;
      load(): Promise<Result<LowRankDelta>>;
    };

/** `τ = θ − θ₀`, dense (a fine-tuned checkpoint) or factored (an adapter), under the base's tensor names. */
export interface TaskVector {
  readonly name: string;
  /** What was opened. */
  readonly checkpoint: Checkpoint;
  readonly kind: 'dense' | 'factored';
  /** By base tensor name. A base tensor that is missing here: absent in a dense task, unchanged (τ = 0) in a factored one. */
  readonly deltas: ReadonlyMap<string, TensorDelta>;
  /** Where the checkpoint stands in its training run, where that is known. */
  readonly training?: Training;
  /** Tensors of the task that have no place in the base, with the reason. */
  readonly unplaced: readonly { readonly tensor: string; readonly reason: string }[];
}
