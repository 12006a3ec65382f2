import type { PassItem } from '../pass';
import { pairsOf, type SignCounts } from '../task-masks';
import { bitsSet, countRow, countSigns, packAbove, packSigns, tally, WORDS, wordsFor } from './bit-rows';
import { BLOCK, type ChunkData, type Kernel, type Scratch } from './kernel';
import { squaresOf, sumOf, TaskBlocks } from './task-blocks';

type SignsItem = Extract<PassItem, { kind: 'signs' }>;

/**
 * Signs of several tasks' τ against each other, in one reading: opposed pairs, the election of TIES (Yadav et al. 2023:
 * the sign of Στ), and in how many tasks an entry is active. Tasks are decoded one after the other into one block; what
 * stays of each are two bits an entry.
 */
export const signs: Kernel<SignsItem, SignCounts> = {
  prepare(item, scratch) {
    const rows = rowsFor(item.tasks.length);
    return (chunk) => reduceChunk(item, chunk, scratch, rows);
  },
  merge: mergeSigns,
};

/** Rows of bits of one block; the sum of all tasks stands below the last one. */
interface Rows {
  readonly positive: Int32Array;
  readonly negative: Int32Array;
  readonly active: Int32Array;
  readonly once: Int32Array;
  readonly often: Int32Array;
}

function rowsFor(tasks: number): Rows {
  const rows = () => new Int32Array((tasks + 1) * WORDS);
  return {
    positive: rows(),
    negative: rows(),
    active: rows(),
    once: new Int32Array(WORDS),
    often: new Int32Array(WORDS),
  };
}

type Growing = { -readonly [Key in keyof SignCounts]: SignCounts[Key] };

function reduceChunk(item: SignsItem, chunk: ChunkData, scratch: Scratch, rows: Rows): SignCounts {
  const blocks = new TaskBlocks(item, chunk, scratch);
  const delta = scratch.block(1, BLOCK);
  const sum = scratch.block(2, BLOCK);
  const length = chunk.end - chunk.start;
  const counts = noCounts(length, item.tasks.length);
  for (let first = 0; first < length; first += BLOCK) {
    const count = Math.min(BLOCK, length - first);
    blocks.start(first, count);
    sum.fill(0, 0, count);
    for (let t = 0; t < item.tasks.length; t++) {
      counts.skipped[t] = (counts.skipped[t] as number) + blocks.read(t, delta);
      counts.squares[t] = (counts.squares[t] as number) + addTo(sum, delta, count);
      packSigns(delta, count, rows.positive, rows.negative, t);
      if (item.epsilon > 0) packActive(delta, count, item.epsilon, rows.active, t);
    }
    counts.counted += count - blocks.skippedByAll();
    counts.sumSquares += squaresOf(sum, count);
    packSigns(sum, count, rows.positive, rows.negative, item.tasks.length);
    countBlock(item, rows, wordsFor(count), counts);
  }
  return counts;
}

function noCounts(count: number, tasks: number): Growing {
  const perTask = () => new Float64Array(tasks);
  const perPair = () => new Float64Array(pairsOf(tasks));
  return {
    kind: 'signs',
    count,
    counted: 0,
    skipped: perTask(),
    sumSquares: 0,
    squares: perTask(),
    changed: perTask(),
    opposed: perPair(),
    both: perPair(),
    opposedAny: 0,
    electedPositive: 0,
    electedNegative: 0,
    agreeing: perTask(),
    unique: 0,
    shared: 0,
    uniqueOf: perTask(),
  };
}

/** Adds `delta` to `sum`; returns Σ delta². */
function addTo(sum: Float64Array, delta: Float64Array, count: number): number {
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const value = delta[i] as number;
    sum[i] = (sum[i] as number) + value;
    squares += value * value;
  }
  return squares;
}

function packActive(
  delta: Float64Array,
  count: number,
  epsilon: number,
  active: Int32Array,
  t: number,
): void {
  for (let i = 0; i < count; i++) delta[i] = Math.abs(delta[i] as number);
  packAbove(delta, count, epsilon, active, t);
}

/** Adds what the rows of a block say to the counts. */
function countBlock(item: SignsItem, rows: Rows, words: number, counts: Growing): void {
  const tasks = item.tasks.length;
  const { positive, negative, active, once, often } = rows;
  if (item.epsilon === 0) {
    for (let w = 0; w < tasks * WORDS; w++) active[w] = (positive[w] as number) | (negative[w] as number);
  }
  tally(active, tasks, words, once, often);
  counts.unique += countRow(once, 0, words);
  counts.shared += countRow(often, 0, words);
  counts.electedPositive += countRow(positive, tasks, words);
  counts.electedNegative += countRow(negative, tasks, words);
  for (let t = 0; t < tasks; t++) countTask(rows, t, tasks, words, counts);
  counts.opposedAny += opposedByAny(positive, negative, tasks, words);
  countSigns(positive, negative, tasks, words, counts.opposed, counts.both);
}

function countTask(rows: Rows, t: number, elected: number, words: number, counts: Growing): void {
  const { positive, negative, active, once } = rows;
  let changed = 0;
  let agreeing = 0;
  let unique = 0;
  for (let w = 0, x = t * WORDS, e = elected * WORDS; w < words; w++, x++, e++) {
    const above = positive[x] as number;
    const below = negative[x] as number;
    changed += bitsSet(above | below);
    agreeing += bitsSet((above & (positive[e] as number)) | (below & (negative[e] as number)));
    unique += bitsSet((active[x] as number) & (once[w] as number));
  }
  counts.changed[t] = (counts.changed[t] as number) + changed;
  counts.agreeing[t] = (counts.agreeing[t] as number) + agreeing;
  counts.uniqueOf[t] = (counts.uniqueOf[t] as number) + unique;
}

function opposedByAny(positive: Int32Array, negative: Int32Array, tasks: number, words: number): number {
  let sum = 0;
  for (let w = 0; w < words; w++) {
    let above = 0;
    let below = 0;
    for (let x = w; x < tasks * WORDS; x += WORDS) {
      above |= positive[x] as number;
      below |= negative[x] as number;
    }
    sum += bitsSet(above & below);
  }
  return sum;
}

function mergeSigns(before: SignCounts, after: SignCounts): SignCounts {
  return {
    kind: 'signs',
    count: before.count + after.count,
    counted: before.counted + after.counted,
    skipped: sumOf(before.skipped, after.skipped),
    sumSquares: before.sumSquares + after.sumSquares,
    squares: sumOf(before.squares, after.squares),
    changed: sumOf(before.changed, after.changed),
    opposed: sumOf(before.opposed, after.opposed),
    both: sumOf(before.both, after.both),
    opposedAny: before.opposedAny + after.opposedAny,
    electedPositive: before.electedPositive + after.electedPositive,
    electedNegative: before.electedNegative + after.electedNegative,
    agreeing: sumOf(before.agreeing, after.agreeing),
    unique: before.unique + after.unique,
    shared: before.shared + after.shared,
    uniqueOf: sumOf(before.uniqueOf, after.uniqueOf),
  };
}
