import type { Checkpoint } from '../format/checkpoint';
import type { Result } from '../protocol/result';
import type { LowRankDelta } from '../tensor/pass';
import type { TensorSpan } from '../tensor/span';
import type { AdapterTarget } from './adapters/family';
import type { AdapterDescription } from './describe-adapter';
import type { Training } from './trainer-state';

/** `τ` of one tensor of the base. */
export type TensorDelta = DenseDelta | FactoredDelta | FormedDelta;

/** `θ` is stored, in the base tensor's shape. */
export interface DenseDelta {
  readonly kind: 'dense';
  readonly span: TensorSpan;
}

/**
 * `τ = scale · B · A`. `load` reads or forms the factors (small) as float64, turned so that the product has the base
 * tensor's shape; it fails as a read does (`file-changed`, `file-missing`, ...). `scale` is exact (alpha/r, rsLoRA
 * alpha/√r, patterns), and 1 where `load` works it into the factors.
 */
export interface FactoredDelta {
  readonly kind: 'lowRank';
  readonly scale: number;
  /** Inner dimension of the product. For LoHa and LoKr more than the rank that the adapter names. */
  readonly rank: number;
  /** `null` where the adapter has none. */
  readonly alpha: number | null;
  /** Where the two factors lie as they are; `null` where they are formed from other tensors. */
  readonly stored: StoredProduct | null;
  /** What it takes on disk, and in how many tensors. */
  readonly bytes: number;
  readonly tensors: number;
  readonly parameters: number;
  load(): Promise<Result<LowRankDelta>>;
}

/** r × n and m × r on disk. */
export interface StoredProduct {
  readonly a: TensorSpan;
  readonly b: TensorSpan;
  /** True where the base has (B·A)ᵀ (`fan_in_fan_out`, MLX). */
  readonly transposed: boolean;
}

/**
 * `θ` follows from the base and small tensors of the adapter, and no small factors would do (DoRA, (IA)³, OFT). `load`
 * forms it in memory, as float64, when it is its turn; it fails as a read does, or with `adapter-delta-not-formed`.
 */
export interface FormedDelta {
  readonly kind: 'formed';
  /** Entries of `θ`: 8 bytes each while it is held. */
  readonly count: number;
  /** What it takes on disk without the base, and in how many tensors. */
  readonly bytes: number;
  readonly tensors: number;
  readonly parameters: number;
  /** Kind, scale, rank and orientation, on which the values depend beside the bytes of base and adapter and its configuration. */
  readonly setting: string;
  load(): Promise<Result<TensorSpan>>;
}

/** Bytes on disk of what a task has of one tensor; of an adapter those of its own tensors. */
export function deltaBytes(delta: TensorDelta): number {
  return delta.kind === 'dense' ? delta.span.bytes : delta.bytes;
}

/** An adapter as it lies in a base, or by itself. */
export interface PlacedAdapter {
  readonly description: AdapterDescription;
  /** The names in `deltas` of the targets that have a change; a target that is missing was left out. */
  readonly placed: ReadonlyMap<AdapterTarget, string>;
}

/** `τ = θ − θ₀`, dense (a fine-tuned checkpoint) or factored (an adapter), under the base's tensor names. */
export interface TaskVector {
  readonly name: string;
  /** What was opened. */
  readonly checkpoint: Checkpoint;
  readonly kind: 'dense' | 'factored';
  /** By base tensor name. A base tensor that is missing here: absent in a dense task, unchanged (τ = 0) in a factored one. */
  readonly deltas: ReadonlyMap<string, TensorDelta>;
  /** Of an adapter that could be read: what it is, and which tensor each of its targets changes. */
  readonly adapter?: PlacedAdapter;
  /** Where the checkpoint stands in its training run, where that is known. */
  readonly training?: Training;
  /** Tensors of the task that have no place in the base, with the reason. */
  readonly unplaced: readonly { readonly tensor: string; readonly reason: string }[];
}
