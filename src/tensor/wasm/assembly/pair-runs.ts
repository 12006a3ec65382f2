import { countCodes, flippedCodes, identicalCodes, total16 } from './code-counts';
import { codesOf, F32, isFiniteRun, largestCode, strideOf, total, totalCount } from './elements';
import { BASE_SQUARES, TASKS } from './memory';
import {
  addRun,
  fused,
  haveOppositeSigns,
  inKeptUnit,
  isInRange,
  keepLargest,
  knownLargest,
  largestOf,
  oneHalfUnscaled,
  otherHalfUnscaled,
  runOf,
} from './short-runs';
import { addCounts, addLanes, addTask } from './sums';

/**
 * Adds a block to the sums of task 0 and to Σθ₀², in float32 over short runs. `false`, and nothing is added, where that
 * would not do (short-runs.ts).
 */
export function addBlockInRuns<T>(x: usize, y: usize, eights: i32): bool {
  const stride = strideOf<T>();
  const zero = f64x2.splat(0);
  const firstX = x;
  const firstY = y;
  let baseSquares = zero;
  let taskSquares = zero;
  let dot = zero;
  let deltaSquares = zero;
  let identical = zero;
  let flips = zero;
  let code = zero;
  // Twice the smallest code, which shows a zero of either sign.
  let least = i16x8.splat(-1);
  let largest = knownLargest<T>(TASKS + 48);
  for (let left = eights; left > 0; left -= runOf<T>()) {
    const length = min(left, runOf<T>());
    let x2 = zero;
    let y2 = zero;
    let xy = zero;
    let d2 = zero;
    let most = zero;
    for (let k = 0; k < length; k++) {
      code = largestCode<T>(largestCode<T>(code, x), y);
      if (idof<T>() != idof<F32>()) {
        const u = codesOf<T>(x);
        const v = codesOf<T>(y);
        identical = i16x8.sub(identical, i16x8.eq(u, v));
        flips = i16x8.sub(flips, i16x8.shr_s(v128.xor(u, v), 15));
        least = i16x8.min_u(least, i16x8.min_u(i16x8.shl(u, 1), i16x8.shl(v, 1)));
      }
      const x4 = oneHalfUnscaled<T>(x);
      const y4 = oneHalfUnscaled<T>(y);
      const d4 = f32x4.sub(y4, x4);
      if (idof<T>() == idof<F32>()) {
        identical = i32x4.sub(identical, f32x4.eq(x4, y4));
        flips = i32x4.sub(flips, haveOppositeSigns(x4, y4));
      }
      x2 = fused(x4, x4, x2);
      y2 = fused(y4, y4, y2);
      xy = fused(x4, y4, xy);
      const otherX = otherHalfUnscaled<T>(x);
      const otherY = otherHalfUnscaled<T>(y);
      const otherD = f32x4.sub(otherY, otherX);
      if (idof<T>() == idof<F32>()) {
        identical = i32x4.sub(identical, f32x4.eq(otherX, otherY));
        flips = i32x4.sub(flips, haveOppositeSigns(otherX, otherY));
      }
      x2 = fused(otherX, otherX, x2);
      y2 = fused(otherY, otherY, y2);
      xy = fused(otherX, otherY, xy);
      const two = fused(otherD, otherD, f32x4.mul(d4, d4));
      d2 = f32x4.add(d2, two);
      most = f32x4.pmax(most, two);
      x += stride;
      y += stride;
    }
    baseSquares = addRun(baseSquares, x2);
    taskSquares = addRun(taskSquares, y2);
    dot = addRun(dot, xy);
    deltaSquares = addRun(deltaSquares, d2);
    // A sum of two squares is no smaller than either of them, so few runs need a look at their differences.
    if (v128.any_true(f32x4.gt(most, largest))) {
      largest = largestSquare<T>(x - <usize>length * stride, y - <usize>length * stride, length, largest);
    }
  }
  if (!isFiniteRun<T>(code, zero)) return false;
  if (!isInRange(total(baseSquares)) || !isInRange(total(taskSquares))) return false;
  let equal = idof<T>() == idof<F32>() ? totalCount(identical) : total16(identical);
  let flipped = idof<T>() == idof<F32>() ? totalCount(flips) : total16(flips);
  if (idof<T>() != idof<F32>() && !i16x8.all_true(least)) {
    countCodes<T>(firstX, firstY, eights);
    equal = identicalCodes;
    flipped = flippedCodes;
  }
  if (!isInRange(total(deltaSquares)) && equal != <f64>(8 * eights)) return false;
  addLanes(BASE_SQUARES, inKeptUnit<T>(baseSquares));
  addTask(TASKS, inKeptUnit<T>(taskSquares), inKeptUnit<T>(dot), inKeptUnit<T>(deltaSquares), zero);
  keepLargest<T>(TASKS + 48, largest);
  addCounts(TASKS, equal, flipped);
  return true;
}

/** The largest (y − x)² over a run, or `largest` if that is larger, in all four lanes. */
function largestSquare<T>(x: usize, y: usize, eights: i32, largest: v128): v128 {
  const stride = strideOf<T>();
  for (let k = 0; k < eights; k++) {
    const d = f32x4.sub(oneHalfUnscaled<T>(y), oneHalfUnscaled<T>(x));
    const otherD = f32x4.sub(otherHalfUnscaled<T>(y), otherHalfUnscaled<T>(x));
    largest = f32x4.pmax(largest, f32x4.pmax(f32x4.mul(d, d), f32x4.mul(otherD, otherD)));
    x += stride;
    y += stride;
  }
  return largestOf(largest);
}
