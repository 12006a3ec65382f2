import type { TensorEntry } from '../format/checkpoint';
import type { Place } from '../model/place';
import { deltaBytes, type TensorDelta } from '../model/task-vector';
import type { Moments } from '../tensor/pass';

/** What storing τ as sign and mean size costs, over one or more tensors. */
export interface OneBitSums {
  readonly tensors: number;
  readonly entries: number;
  /** ‖τ‖₂², and of it what a·sign(τ) keeps: ‖τ‖₁²/N. */
  readonly squares: number;
  readonly kept: number;
  /** Bytes as stored, and with one bit per entry and one float32 scale per tensor. */
  readonly bytes: number;
  readonly oneBitBytes: number;
}

/** One tensor of one task. */
export interface OneBitTensor {
  /** Index into the study's tasks. */
  readonly task: number;
  readonly base: TensorEntry;
  readonly place: Place;
  readonly sums: OneBitSums;
}

export const NO_ONE_BIT: OneBitSums = {
  tensors: 0,
  entries: 0,
  squares: 0,
  kept: 0,
  bytes: 0,
  oneBitBytes: 0,
};

const SCALE_BYTES = 4;

/** The sums of one tensor from the moments of its τ. */
export function oneBitOf({ count, finite, l1, squares }: Moments, delta: TensorDelta): OneBitSums {
  return {
    tensors: 1,
    entries: finite,
    squares,
    kept: finite > 0 ? (l1 * l1) / finite : 0,
    bytes: deltaBytes(delta),
    oneBitBytes: Math.ceil(count / 8) + SCALE_BYTES,
  };
}

/** Several tensors, each with its own scale. */
export function addOneBit(a: OneBitSums, b: OneBitSums): OneBitSums {
  return {
    tensors: a.tensors + b.tensors,
    entries: a.entries + b.entries,
    squares: a.squares + b.squares,
    kept: a.kept + b.kept,
    bytes: a.bytes + b.bytes,
    oneBitBytes: a.oneBitBytes + b.oneBitBytes,
  };
}

/** ‖τ − a·sign(τ)‖² / ‖τ‖² = 1 − ‖τ‖₁²/(N‖τ‖₂²); `null` where nothing changed. Rounding is kept from making it negative. */
export function errorOf({ squares, kept }: OneBitSums): number | null {
  const value = 1 - kept / squares;
  return Number.isFinite(value) ? Math.max(0, value) : null;
}
