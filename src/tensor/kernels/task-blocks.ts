import { decoder, type Decoder } from '../decode';
import type { GroupTask, PassItem } from '../pass';
import { BLOCK, type ChunkData, type Scratch } from './kernel';
import { formEntries } from './low-rank-rows';

/** Items about a base and several tasks whose entries are looked at one by one. */
export type TasksItem = Extract<PassItem, { kind: 'signs' | 'masks' | 'rowProducts' }>;

/** A run of entries of a chunk. */
interface Place {
  readonly first: number;
  readonly count: number;
}

/**
 * Delivers τ of several tasks over the blocks of one chunk, block after block. An entry where base, task or τ is not
 * finite is skipped as in `group`: it becomes 0. Uses block 0 of the scratch.
 */
export class TaskBlocks {
  private readonly base: Float64Array;
  private readonly decodeBase: Decoder;
  private readonly decodeTasks: readonly (Decoder | null)[];
  private place: Place = { first: 0, count: 0 };
  /** How many tasks skip an entry of the block; `null` while none does. */
  private misses: Uint16Array | null = null;

  constructor(
    private readonly item: TasksItem,
    private readonly chunk: ChunkData,
    scratch: Scratch,
  ) {
    this.base = scratch.block(0, BLOCK);
    this.decodeBase = decoder(item.base.dtype, chunk.bytes[0] ?? EMPTY);
    let span = 1;
    this.decodeTasks = item.tasks.map((task) =>
      task.kind === 'dense' ? decoder(task.span.dtype, chunk.bytes[span++] ?? EMPTY) : null,
    );
  }

  /** Goes on to a block, by its place within the chunk. */
  start(first: number, count: number): void {
    this.place = { first, count };
    this.misses = null;
    this.decodeBase(first, count, this.base);
  }

  /** Writes τ of task `t` to the front of `target`; returns how many entries are skipped. */
  read(t: number, target: Float64Array): number {
    const { first, count } = this.place;
    const task = this.item.tasks[t] as GroupTask;
    if (task.kind === 'lowRank') {
      formEntries(task.delta, this.chunk.start + first, count, target);
      if (isFiniteSum(this.base, target, count)) return 0;
      return this.skip(target, (i) => Number.isFinite((this.base[i] as number) + (target[i] as number)));
    }
    this.decodeTasks[t]?.(first, count, target);
    if (subtract(target, this.base, count)) return 0;
    return this.skip(target, (i) => Number.isFinite(target[i]));
  }

  /** How many entries of the block every task skipped that has been read. */
  skippedByAll(): number {
    const { misses, place, item } = this;
    if (misses === null) return 0;
    return misses.subarray(0, place.count).reduce((sum, each) => sum + Number(each === item.tasks.length), 0);
  }

  private skip(target: Float64Array, isKept: (at: number) => boolean): number {
    this.misses ??= new Uint16Array(BLOCK);
    let skipped = 0;
    for (let i = 0; i < this.place.count; i++) {
      if (isKept(i)) continue;
      target[i] = 0;
      this.misses[i] = (this.misses[i] as number) + 1;
      skipped++;
    }
    return skipped;
  }
}

const EMPTY = new Uint8Array(0);

/** target − base in place; whether every difference is finite. */
function subtract(target: Float64Array, base: Float64Array, count: number): boolean {
  let probe = 0;
  for (let i = 0; i < count; i++) {
    const difference = (target[i] as number) - (base[i] as number);
    target[i] = difference;
    // 0 for a number, NaN for everything else, which then stays.
    probe += difference * 0;
  }
  return probe === 0;
}

function isFiniteSum(base: Float64Array, delta: Float64Array, count: number): boolean {
  let probe = 0;
  for (let i = 0; i < count; i++) probe += ((base[i] as number) + (delta[i] as number)) * 0;
  return probe === 0;
}

/** Σx² over the first `count` values. */
export function squaresOf(values: Float64Array, count: number): number {
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (values[i] as number) ** 2;
  return squares;
}

/** Sums of two arrays of the same length, entry by entry. */
export function sumOf(x: Float64Array, y: Float64Array): Float64Array {
  const sums = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) sums[i] = (x[i] as number) + (y[i] as number);
  return sums;
}
