import {
  back,
  belowZero,
  front,
  isFiniteRun,
  largestCode,
  oneHalf,
  otherHalf,
  strideOf,
  totalCount,
} from './elements';
import { addGroupBlockInRuns } from './group-runs';
import {
  BASE_SQUARES,
  BASE_TILE,
  DELTA_TILES,
  GRAM,
  MOST_TASKS,
  SPANS,
  TASK_BYTES,
  TASKS,
  TILE,
  TILE_BYTES,
  TILE_TASKS,
} from './memory';
import { addCounts, addLanes, addTask } from './sums';

/** Elements summed in short runs before their sums are found fit to be kept, or not and dropped. */
const BLOCK: i32 = 1920;

/**
 * Adds to Σθ₀², to the sums of every task and to ⟨τᵢ, τⱼ⟩ for i < j, over elements `first … count − 1`, block by block.
 * Returns the first element not added: that of a tile with an entry that is not finite, or of the last seven or fewer.
 */
export function addGroup<T>(tasks: i32, first: i32, count: i32): i32 {
  const stride = strideOf<T>();
  const whole = count & ~7;
  while (first < whole) {
    const end = min(whole, first + BLOCK);
    if (!addGroupBlockInRuns<T>(tasks, <usize>(first >> 3) * stride, (end - first) >> 3)) {
      const stopped = addTiles<T>(tasks, first, end);
      if (stopped < end) return stopped;
    }
    first = end;
  }
  return first;
}

/** The same in float64, tile by tile. */
function addTiles<T>(tasks: i32, first: i32, whole: i32): i32 {
  const stride = strideOf<T>();
  while (first < whole) {
    const end = min(whole, first + TILE);
    if (!addTile<T>(tasks, <usize>(first >> 3) * stride, (end - first) >> 3)) return first;
    first = end;
  }
  return first;
}

function addTile<T>(tasks: i32, offset: usize, eights: i32): bool {
  const baseSquares = widen<T>(<usize>load<u32>(SPANS) + offset, BASE_TILE, eights);
  if (isNaN(f64x2.extract_lane(baseSquares, 0))) return false;
  memory.fill(TILE_TASKS, 0, <usize>tasks * TASK_BYTES);
  for (let t: usize = 0; t < <usize>tasks; t++) {
    const tile = DELTA_TILES + t * TILE_BYTES;
    const squares = widen<T>(<usize>load<u32>(SPANS + 4 * (t + 1)) + offset, tile, eights);
    if (isNaN(f64x2.extract_lane(squares, 0))) return false;
    takeDelta(tile, TILE_TASKS + t * TASK_BYTES, squares, eights);
  }
  addLanes(BASE_SQUARES, baseSquares);
  for (let t: usize = 0; t < <usize>tasks; t++) keepTask(TASKS + t * TASK_BYTES, TILE_TASKS + t * TASK_BYTES);
  // Where tasks are odd in number, the last goes with whatever lies behind it, into cells that nobody reads.
  for (let i = 0; i < tasks; i += 2) {
    addNeighbours(i, eights);
    for (let j = i + 2; j < tasks; j += 2) addFour(i, j, eights);
  }
  return true;
}

/** Writes a tile as float64 to `into` and returns Σx²; NaN where an entry is not finite. */
function widen<T>(x: usize, into: usize, eights: i32): v128 {
  const stride = strideOf<T>();
  let squares = f64x2.splat(0);
  let code = squares;
  for (let k = 0; k < eights; k++) {
    code = largestCode<T>(code, x);
    const four = oneHalf<T>(x);
    const otherFour = otherHalf<T>(x);
    const x0 = front(four);
    const x1 = back(four);
    const x2 = front(otherFour);
    const x3 = back(otherFour);
    v128.store(into, x0);
    v128.store(into, x1, 16);
    v128.store(into, x2, 32);
    v128.store(into, x3, 48);
    const lower = f64x2.add(f64x2.mul(x0, x0), f64x2.mul(x1, x1));
    const upper = f64x2.add(f64x2.mul(x2, x2), f64x2.mul(x3, x3));
    squares = f64x2.add(squares, f64x2.add(lower, upper));
    x += stride;
    into += 64;
  }
  return isFiniteRun<T>(code, squares) ? squares : f64x2.splat(NaN);
}

/** Sums a task over the tile, where θ is, and leaves τ in its place. */
function takeDelta(tile: usize, sums: usize, squares: v128, eights: i32): void {
  const zero = f64x2.splat(0);
  let dot = zero;
  let deltaSquares = zero;
  let largest = zero;
  let identical = zero;
  let flips = zero;
  let base = BASE_TILE;
  for (let k = 0; k < 2 * eights; k++) {
    const x0 = v128.load(base);
    const x1 = v128.load(base, 16);
    const y0 = v128.load(tile);
    const y1 = v128.load(tile, 16);
    const p0 = f64x2.mul(x0, y0);
    const p1 = f64x2.mul(x1, y1);
    dot = f64x2.add(dot, f64x2.add(p0, p1));
    flips = i32x4.sub(flips, belowZero(p0, p1));
    const d0 = f64x2.sub(y0, x0);
    const d1 = f64x2.sub(y1, x1);
    v128.store(tile, d0);
    v128.store(tile, d1, 16);
    identical = i32x4.sub(identical, isZero(d0, d1));
    const s0 = f64x2.mul(d0, d0);
    const s1 = f64x2.mul(d1, d1);
    deltaSquares = f64x2.add(deltaSquares, f64x2.add(s0, s1));
    largest = f64x2.pmax(largest, f64x2.pmax(s0, s1));
    base += 32;
    tile += 32;
  }
  addTask(sums, squares, dot, deltaSquares, largest);
  addCounts(sums, totalCount(identical), totalCount(flips));
}

/** Which of four differences are zero, as a mask: one of float32 numbers has an upper half of zero only then. */
function isZero(two: v128, otherTwo: v128): v128 {
  return f32x4.eq(v128.shuffle<i32>(two, otherTwo, 1, 3, 5, 7), f32x4.splat(0));
}

function keepTask(into: usize, from: usize): void {
  addTask(into, v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48));
  addCounts(into, load<f64>(from, 64), load<f64>(from, 72));
}

/** Adds ⟨τᵢ, τᵢ₊₁⟩ over the tile. */
function addNeighbours(i: i32, eights: i32): void {
  let x = DELTA_TILES + <usize>i * TILE_BYTES;
  let sum = f64x2.splat(0);
  let otherSum = sum;
  for (let k = 0; k < 2 * eights; k++) {
    sum = f64x2.add(sum, f64x2.mul(v128.load(x), v128.load(x + TILE_BYTES)));
    otherSum = f64x2.add(otherSum, f64x2.mul(v128.load(x, 16), v128.load(x + TILE_BYTES, 16)));
    x += 32;
  }
  addLanes(cell(i, i + 1), f64x2.add(sum, otherSum));
}

/** Adds the four ⟨τᵢ, τⱼ⟩, ⟨τᵢ, τⱼ₊₁⟩, ⟨τᵢ₊₁, τⱼ⟩, ⟨τᵢ₊₁, τⱼ₊₁⟩ over the tile. */
function addFour(i: i32, j: i32, eights: i32): void {
  let x = DELTA_TILES + <usize>i * TILE_BYTES;
  let y = DELTA_TILES + <usize>j * TILE_BYTES;
  let s00 = f64x2.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  for (let k = 0; k < 4 * eights; k++) {
    const x0 = v128.load(x);
    const x1 = v128.load(x + TILE_BYTES);
    const y0 = v128.load(y);
    const y1 = v128.load(y + TILE_BYTES);
    s00 = f64x2.add(s00, f64x2.mul(x0, y0));
    s01 = f64x2.add(s01, f64x2.mul(x0, y1));
    s10 = f64x2.add(s10, f64x2.mul(x1, y0));
    s11 = f64x2.add(s11, f64x2.mul(x1, y1));
    x += 16;
    y += 16;
  }
  addLanes(cell(i, j), s00);
  addLanes(cell(i, j + 1), s01);
  addLanes(cell(i + 1, j), s10);
  addLanes(cell(i + 1, j + 1), s11);
}

function cell(i: i32, j: i32): usize {
  return GRAM + 16 * <usize>(i * MOST_TASKS + j);
}
