import { countCodes, flippedCodes, identicalCodes } from './code-counts';
import { codesOf, F32, isFiniteRun, largestCode, strideOf, total, totalCount } from './elements';
import {
  BASE_SQUARES,
  CELL_ROW_BYTES,
  CELLS,
  GRAM,
  MOST_TASKS,
  ROWS,
  SPANS,
  TASK_BYTES,
  TASKS,
  TILE_TASKS,
} from './memory';
import { addThree, addThreeByThree, cellOf, rowOf } from './row-products';
import {
  fused,
  haveOppositeSigns,
  inKeptUnit,
  isInRange,
  keepLargest,
  knownLargest,
  largestOf,
  oneHalfUnscaled,
  otherHalfUnscaled,
} from './short-runs';
import { addCounts, addLanes, addTask } from './sums';

// A stretch of the base and of every τ stands in memory as float32, a row each, the base being row 0. All inner products of
// rows are then formed, three rows by three: ⟨θ₀, θ₀⟩, ⟨θ₀, τ⟩, ⟨τ, τ⟩ and ⟨τᵢ, τⱼ⟩ alike. Rows behind the last hold
// what was left there, and their products go into cells that nobody reads.

/**
 * Adds a block to all sums of a group, in float32 over short runs, with Σθ₀θ = Σθ₀² + Σθ₀τ. `false`, and nothing is
 * added, where that would not do (short-runs.ts).
 */
export function addGroupBlockInRuns<T>(tasks: i32, offset: usize, eights: i32): bool {
  const rows = tasks + 1;
  startBlock<T>(tasks);
  const base = <usize>load<u32>(SPANS) + offset;
  let code = f64x2.splat(0);
  for (let done = 0; done < eights; done += ROW_EIGHTS) {
    const length = min(eights - done, ROW_EIGHTS);
    const along = <usize>done * strideOf<T>();
    code = takeBase<T>(base + along, length, code);
    for (let t = 0; t < tasks; t++) {
      const task = <usize>load<u32>(SPANS + 4 * <usize>(t + 1)) + offset;
      code = takeTask<T>(base + along, task + along, t, length, code);
    }
    for (let i = 0; i < rows; i += 3) {
      addThree<T>(i, length);
      for (let j = i + 3; j < rows; j += 3) addThreeByThree<T>(i, j, length);
    }
  }
  if (!isSound<T>(tasks, eights, code)) return false;
  keepBlock<T>(tasks);
  return true;
}

/** Eights in a row: whole parts that are summed by themselves (row-products.ts). */
const ROW_EIGHTS: i32 = 30;

/** What is kept of a task over the block, four lanes each: the largest τ² so far, and both counts. */
const LARGEST: usize = 16;
const IDENTICAL: usize = 32;
const FLIPS: usize = 48;

function sumsOf(t: i32): usize {
  return TILE_TASKS + <usize>t * TASK_BYTES;
}

function startBlock<T>(tasks: i32): void {
  memory.fill(TILE_TASKS, 0, <usize>tasks * TASK_BYTES);
  memory.fill(CELLS, 0, <usize>(tasks + 3) * CELL_ROW_BYTES);
  for (let t = 0; t < tasks; t++) {
    v128.store(sumsOf(t), knownLargest<T>(TASKS + <usize>t * TASK_BYTES + 48), LARGEST);
  }
}

/** Whether the row in hand of the base has a zero of either sign; not of F32. */
let baseHasZero: bool = false;

/** Writes a row of the base. Returns the largest code so far. */
function takeBase<T>(x: usize, eights: i32, code: v128): v128 {
  let row = ROWS;
  let least = i16x8.splat(-1);
  for (let k = 0; k < eights; k++) {
    code = largestCode<T>(code, x);
    least = i16x8.min_u(least, i16x8.shl(codesOf<T>(x), 1));
    v128.store(row, oneHalfUnscaled<T>(x));
    v128.store(row, otherHalfUnscaled<T>(x), 16);
    x += strideOf<T>();
    row += 32;
  }
  baseHasZero = !i16x8.all_true(least);
  return code;
}

/** Writes a row of τ, and counts. Returns the largest code so far. */
function takeTask<T>(x: usize, y: usize, t: i32, eights: i32, code: v128): v128 {
  const firstX = x;
  const firstY = y;
  const zero = f64x2.splat(0);
  let base = ROWS;
  let row = rowOf(t + 1);
  let identical = zero;
  let flips = zero;
  let most = zero;
  let least = i16x8.splat(-1);
  for (let k = 0; k < eights; k++) {
    code = largestCode<T>(code, y);
    const x4 = v128.load(base);
    const otherX = v128.load(base, 16);
    const y4 = oneHalfUnscaled<T>(y);
    const otherY = otherHalfUnscaled<T>(y);
    if (idof<T>() == idof<F32>()) {
      identical = i32x4.sub(i32x4.sub(identical, f32x4.eq(x4, y4)), f32x4.eq(otherX, otherY));
      flips = i32x4.sub(i32x4.sub(flips, haveOppositeSigns(x4, y4)), haveOppositeSigns(otherX, otherY));
    } else {
      const u = codesOf<T>(x);
      const v = codesOf<T>(y);
      identical = i16x8.sub(identical, i16x8.eq(u, v));
      flips = i16x8.sub(flips, i16x8.shr_s(v128.xor(u, v), 15));
      least = i16x8.min_u(least, i16x8.shl(v, 1));
    }
    const d4 = f32x4.sub(y4, x4);
    const otherD = f32x4.sub(otherY, otherX);
    most = f32x4.pmax(most, fused(otherD, otherD, f32x4.mul(d4, d4)));
    v128.store(row, d4);
    v128.store(row, otherD, 16);
    x += strideOf<T>();
    y += strideOf<T>();
    base += 32;
    row += 32;
  }
  const sums = sumsOf(t);
  // A sum of two squares is no smaller than either of them, so few rows need a second look.
  if (v128.any_true(f32x4.gt(most, v128.load(sums, LARGEST)))) keepLargestOfRow(t, eights);
  if (idof<T>() != idof<F32>()) {
    identical = i32x4.extadd_pairwise_i16x8_s(identical);
    flips = i32x4.extadd_pairwise_i16x8_s(flips);
    if (baseHasZero || !i16x8.all_true(least)) {
      countCodes<T>(firstX, firstY, eights);
      identical = i32x4.replace_lane(zero, 0, <i32>identicalCodes);
      flips = i32x4.replace_lane(zero, 0, <i32>flippedCodes);
    }
  }
  v128.store(sums, i32x4.add(v128.load(sums, IDENTICAL), identical), IDENTICAL);
  v128.store(sums, i32x4.add(v128.load(sums, FLIPS), flips), FLIPS);
  return code;
}

/** Keeps account of the largest τ². */
function keepLargestOfRow(t: i32, eights: i32): void {
  const place = sumsOf(t) + LARGEST;
  let largest = v128.load(place);
  let row = rowOf(t + 1);
  for (let k = 0; k < 2 * eights; k++) {
    const d = v128.load(row);
    largest = f32x4.pmax(largest, f32x4.mul(d, d));
    row += 16;
  }
  v128.store(place, largestOf(largest));
}

/**
 * Whether the sums of the block may stand (short-runs.ts). As Σθ² and Σθ₀θ are put together from those of θ₀ and τ,
 * they would lose digits where τ is not smaller than θ₀.
 */
function isSound<T>(tasks: i32, eights: i32, code: v128): bool {
  const baseSquares = total(v128.load(cellOf(0, 0)));
  if (!isFiniteRun<T>(code, f64x2.splat(0)) || !isInRange(baseSquares)) return false;
  for (let t = 0; t < tasks; t++) {
    const deltaSquares = total(v128.load(cellOf(t + 1, t + 1)));
    if (!(4 * deltaSquares <= baseSquares)) return false;
    const nothingDiffers = totalCount(v128.load(sumsOf(t), IDENTICAL)) == <f64>(8 * eights);
    if (!nothingDiffers && !isInRange(deltaSquares)) return false;
  }
  return true;
}

function keepBlock<T>(tasks: i32): void {
  const baseSquares = v128.load(cellOf(0, 0));
  addLanes(BASE_SQUARES, inKeptUnit<T>(baseSquares));
  for (let t = 0; t < tasks; t++) {
    const kept = TASKS + <usize>t * TASK_BYTES;
    const sums = sumsOf(t);
    // θ = θ₀ + τ
    const along = v128.load(cellOf(0, t + 1));
    const deltaSquares = v128.load(cellOf(t + 1, t + 1));
    const dot = f64x2.add(baseSquares, along);
    const taskSquares = f64x2.add(f64x2.add(dot, along), deltaSquares);
    addTask(
      kept,
      inKeptUnit<T>(taskSquares),
      inKeptUnit<T>(dot),
      inKeptUnit<T>(deltaSquares),
      f64x2.splat(0),
    );
    keepLargest<T>(kept + 48, v128.load(sums, LARGEST));
    addCounts(kept, totalCount(v128.load(sums, IDENTICAL)), totalCount(v128.load(sums, FLIPS)));
    for (let u = t + 1; u < tasks; u++) {
      const cell = GRAM + 16 * <usize>(t * MOST_TASKS + u);
      addLanes(cell, inKeptUnit<T>(v128.load(cellOf(t + 1, u + 1))));
    }
  }
}
