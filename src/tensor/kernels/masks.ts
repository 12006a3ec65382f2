import type { PassItem } from '../pass';
import { pairsOf, type MaskCounts } from '../task-masks';
import { countBoth, packAbove, WORDS, wordsFor } from './bit-rows';
import { BLOCK, type ChunkData, type Kernel, type Scratch } from './kernel';
import { squaresOf, sumOf, TaskBlocks } from './task-blocks';

type MasksItem = Extract<PassItem, { kind: 'masks' }>;

/**
 * TALL masks of several tasks in one reading (Wang et al. 2024): mₜ = 1[|τₜ| > λₜ|τ_MTL − τₜ|], strict, with the plain
 * sum τ_MTL = Στ, as the released code has it. One block of every task's τ is held at a time.
 */
export const masks: Kernel<MasksItem, MaskCounts> = {
  prepare(item, scratch) {
    const rows = new Int32Array(item.tasks.length * WORDS);
    const tasksOn = new Uint16Array(BLOCK);
    return (chunk) => reduceChunk(item, chunk, scratch, rows, tasksOn);
  },
  merge: mergeMasks,
};

type Growing = { -readonly [Key in keyof MaskCounts]: MaskCounts[Key] };

const SUM = 1;
const MASK = 2;
const FIRST_TASK = 3;

function reduceChunk(
  item: MasksItem,
  chunk: ChunkData,
  scratch: Scratch,
  rows: Int32Array,
  tasksOn: Uint16Array,
): MaskCounts {
  const tasks = item.tasks.length;
  const blocks = new TaskBlocks(item, chunk, scratch);
  const sum = scratch.block(SUM, BLOCK);
  const mask = scratch.block(MASK, BLOCK);
  const length = chunk.end - chunk.start;
  const counts = noCounts(length, item);
  const gridSums = noGridSums(item.grid.length);
  for (let first = 0; first < length; first += BLOCK) {
    const count = Math.min(BLOCK, length - first);
    blocks.start(first, count);
    sum.fill(0, 0, count);
    for (let t = 0; t < tasks; t++) {
      const delta = scratch.block(FIRST_TASK + t, BLOCK);
      add(counts.skipped, t, blocks.read(t, delta));
      for (let i = 0; i < count; i++) sum[i] = (sum[i] as number) + (delta[i] as number);
    }
    tasksOn.fill(0, 0, count);
    for (let t = 0; t < tasks; t++) {
      const delta = scratch.block(FIRST_TASK + t, BLOCK);
      add(counts.squares, t, squaresOf(delta, count));
      if (item.grid.length > 0) tryGrid(item, t, delta, sum, count, gridSums, counts);
      add(counts.errors, t, maskBlock(delta, sum, count, item.lambdas[t] ?? Number.NaN, mask));
      add(counts.on, t, countMask(mask, count, tasksOn));
      packAbove(mask, count, 0, rows, t);
    }
    const skipped = blocks.skippedByAll();
    counts.counted += count - skipped;
    for (let i = 0; i < count; i++) add(counts.tasksOn, tasksOn[i] as number, 1);
    add(counts.tasksOn, 0, -skipped);
    countBoth(rows, tasks, wordsFor(count), counts.onBoth);
  }
  return counts;
}

function noCounts(count: number, { tasks, grid }: MasksItem): Growing {
  const perTask = () => new Float64Array(tasks.length);
  const perValue = () => new Float64Array(tasks.length * grid.length);
  return {
    kind: 'masks',
    count,
    counted: 0,
    skipped: perTask(),
    on: perTask(),
    onBoth: new Float64Array(pairsOf(tasks.length)),
    tasksOn: new Float64Array(tasks.length + 1),
    squares: perTask(),
    errors: perTask(),
    gridOn: perValue(),
    gridErrors: perValue(),
  };
}

function add(sums: Float64Array, at: number, value: number): void {
  sums[at] = (sums[at] as number) + value;
}

/** Writes the mask, 1 or 0, and returns Σ(mask·τ_MTL − τ)². */
function maskBlock(
  delta: Float64Array,
  sum: Float64Array,
  count: number,
  lambda: number,
  mask: Float64Array,
): number {
  let errors = 0;
  for (let i = 0; i < count; i++) {
    const own = delta[i] as number;
    const others = (sum[i] as number) - own;
    // Without a branch: which way it goes is as good as random.
    const on = Number(Math.abs(own) > lambda * Math.abs(others)) | 0;
    mask[i] = on;
    errors += on * others * others + (1 - on) * own * own;
  }
  return errors;
}

function countMask(mask: Float64Array, count: number, tasksOn: Uint16Array): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const on = mask[i] as number;
    sum += on;
    tasksOn[i] = (tasksOn[i] as number) + on;
  }
  return sum;
}

/** Sums over the entries that are in the masks of exactly the first k values of a grid. */
interface GridSums {
  readonly entries: Float64Array;
  readonly ownSquares: Float64Array;
  readonly otherSquares: Float64Array;
}

function noGridSums(values: number): GridSums {
  const perNumber = () => new Float64Array(values + 1);
  return { entries: perNumber(), ownSquares: perNumber(), otherSquares: perNumber() };
}

/**
 * Adds a block of task `t` to the figures of every value of the grid. The mask of a larger λ lies within that of a
 * smaller one, so one look at an entry tells how far up the grid it is on.
 */
function tryGrid(
  { grid }: MasksItem,
  t: number,
  delta: Float64Array,
  sum: Float64Array,
  count: number,
  sums: GridSums,
  counts: Growing,
): void {
  const { entries, ownSquares, otherSquares } = sums;
  for (const each of [entries, ownSquares, otherSquares]) each.fill(0);
  for (let i = 0; i < count; i++) {
    const own = delta[i] as number;
    const others = (sum[i] as number) - own;
    const size = Math.abs(own);
    const rest = Math.abs(others);
    let on = 0;
    for (let g = 0; g < grid.length; g++) on += Number(size > (grid[g] as number) * rest) | 0;
    entries[on] = (entries[on] as number) + 1;
    ownSquares[on] = (ownSquares[on] as number) + own * own;
    otherSquares[on] = (otherSquares[on] as number) + others * others;
  }
  for (let g = 0; g < grid.length; g++) {
    for (let on = 0; on <= grid.length; on++) {
      const isOn = on > g;
      if (isOn) add(counts.gridOn, t * grid.length + g, entries[on] as number);
      add(counts.gridErrors, t * grid.length + g, (isOn ? otherSquares : ownSquares)[on] as number);
    }
  }
}

function mergeMasks(before: MaskCounts, after: MaskCounts): MaskCounts {
  return {
    kind: 'masks',
    count: before.count + after.count,
    counted: before.counted + after.counted,
    skipped: sumOf(before.skipped, after.skipped),
    on: sumOf(before.on, after.on),
    onBoth: sumOf(before.onBoth, after.onBoth),
    tasksOn: sumOf(before.tasksOn, after.tasksOn),
    squares: sumOf(before.squares, after.squares),
    errors: sumOf(before.errors, after.errors),
    gridOn: sumOf(before.gridOn, after.gridOn),
    gridErrors: sumOf(before.gridErrors, after.gridErrors),
  };
}
