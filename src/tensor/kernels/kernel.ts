import type { PassItem, PassOutcome } from '../pass';
import type { VectorKernels } from '../wasm/vector-kernels';

/** A run of elements of one item, and their bytes. */
export interface ChunkData {
  /** Flat index of the first element, and of the one after the last. */
  readonly start: number;
  readonly end: number;
  /** For each span that the item reads, the bytes of exactly these elements, in the order of `spansOf`. */
  readonly bytes: readonly Uint8Array[];
}

/** What one chunk contributes to the outcome of its item. Contributions are merged in chunk order. */
export type ChunkReducer<Outcome extends PassOutcome = PassOutcome> = (chunk: ChunkData) => Outcome;

/**
 * One kind of work, in two halves: `prepare` runs in a worker, once for each item and before its chunks; `merge` in the
 * thread that asked. A faster implementation of a kind replaces its `prepare` and nothing else.
 */
export interface Kernel<Item extends PassItem, Outcome extends PassOutcome> {
  prepare(item: Item, scratch: Scratch): ChunkReducer<Outcome>;
  /** `before` covers the lower indices. */
  merge(before: Outcome, after: Outcome): Outcome;
}

/**
 * Elements decoded at a time: two blocks of doubles fit the first-level cache, and a partial sum over one block loses
 * nothing that float64 could have kept.
 */
export const BLOCK = 2048;

/** What the kernels of one thread work in, reused from chunk to chunk: blocks of doubles, and vector instructions. */
export class Scratch {
  private readonly blocks: Float64Array[] = [];
  private readonly cleared: Float64Array[] = [];

  /** Without `vectors` everything is computed in plain TypeScript: slower, and the same but for rounding. */
  constructor(readonly vectors: VectorKernels | null = null) {}

  /** Block number `slot`, at least `length` long, holding whatever was left in it. */
  block(slot: number, length: number): Float64Array {
    const known = this.blocks[slot];
    if (known !== undefined && known.length >= length) return known;
    const block = new Float64Array(length);
    this.blocks[slot] = block;
    return block;
  }

  /** The same for blocks of zeros, which whoever takes one leaves as it was. */
  zeros(slot: number, length: number): Float64Array {
    const known = this.cleared[slot];
    if (known !== undefined && known.length >= length) return known;
    const block = new Float64Array(length);
    this.cleared[slot] = block;
    return block;
  }
}
