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
import { BASE_SQUARES, SPANS, TASKS } from './memory';
import { addBlockInRuns } from './pair-runs';
import { addCounts, addLanes, addTask } from './sums';

/** Elements summed before their sums are found finite and kept, or not and dropped. */
const BLOCK: i32 = 2048;

/**
 * Adds to the sums of task 0 and to Σθ₀² over elements `first … count − 1`, block by block. Returns the first element
 * not added: that of a block with an entry that is not finite, or of the last seven or fewer.
 */
export function addPair<T>(first: i32, count: i32): i32 {
  const stride = strideOf<T>();
  const base = <usize>load<u32>(SPANS);
  const task = <usize>load<u32>(SPANS, 4);
  const whole = count & ~7;
  while (first < whole) {
    const end = min(whole, first + BLOCK);
    const offset = <usize>(first >> 3) * stride;
    const eights = (end - first) >> 3;
    if (!addBlockInRuns<T>(base + offset, task + offset, eights)) {
      if (!addBlock<T>(base + offset, task + offset, eights)) return first;
    }
    first = end;
  }
  return first;
}

function addBlock<T>(x: usize, y: usize, eights: i32): bool {
  const stride = strideOf<T>();
  const zero = f64x2.splat(0);
  let baseSquares = zero;
  let taskSquares = zero;
  let dot = zero;
  let deltaSquares = zero;
  let largest = zero;
  let identical = zero;
  let flips = zero;
  let code = zero;
  for (let k = 0; k < eights; k++) {
    code = largestCode<T>(largestCode<T>(code, x), y);
    let x4 = oneHalf<T>(x);
    let y4 = oneHalf<T>(y);
    identical = i32x4.sub(identical, f32x4.eq(x4, y4));
    let x2 = front(x4);
    let y2 = front(y4);
    baseSquares = f64x2.add(baseSquares, f64x2.mul(x2, x2));
    taskSquares = f64x2.add(taskSquares, f64x2.mul(y2, y2));
    let d = f64x2.sub(y2, x2);
    d = f64x2.mul(d, d);
    deltaSquares = f64x2.add(deltaSquares, d);
    largest = f64x2.pmax(largest, d);
    let p = f64x2.mul(x2, y2);
    dot = f64x2.add(dot, p);
    x2 = back(x4);
    y2 = back(y4);
    baseSquares = f64x2.add(baseSquares, f64x2.mul(x2, x2));
    taskSquares = f64x2.add(taskSquares, f64x2.mul(y2, y2));
    d = f64x2.sub(y2, x2);
    d = f64x2.mul(d, d);
    deltaSquares = f64x2.add(deltaSquares, d);
    largest = f64x2.pmax(largest, d);
    let q = f64x2.mul(x2, y2);
    dot = f64x2.add(dot, q);
    flips = i32x4.sub(flips, belowZero(p, q));
    x4 = otherHalf<T>(x);
    y4 = otherHalf<T>(y);
    identical = i32x4.sub(identical, f32x4.eq(x4, y4));
    x2 = front(x4);
    y2 = front(y4);
    baseSquares = f64x2.add(baseSquares, f64x2.mul(x2, x2));
    taskSquares = f64x2.add(taskSquares, f64x2.mul(y2, y2));
    d = f64x2.sub(y2, x2);
    d = f64x2.mul(d, d);
    deltaSquares = f64x2.add(deltaSquares, d);
    largest = f64x2.pmax(largest, d);
    p = f64x2.mul(x2, y2);
    dot = f64x2.add(dot, p);
    x2 = back(x4);
    y2 = back(y4);
    baseSquares = f64x2.add(baseSquares, f64x2.mul(x2, x2));
    taskSquares = f64x2.add(taskSquares, f64x2.mul(y2, y2));
    d = f64x2.sub(y2, x2);
    d = f64x2.mul(d, d);
    deltaSquares = f64x2.add(deltaSquares, d);
    largest = f64x2.pmax(largest, d);
    q = f64x2.mul(x2, y2);
    dot = f64x2.add(dot, q);
    flips = i32x4.sub(flips, belowZero(p, q));
    x += stride;
    y += stride;
  }
  if (!isFiniteRun<T>(code, f64x2.add(baseSquares, taskSquares))) return false;
  addLanes(BASE_SQUARES, baseSquares);
  addTask(TASKS, taskSquares, dot, deltaSquares, largest);
  addCounts(TASKS, totalCount(identical), totalCount(flips));
  return true;
}
