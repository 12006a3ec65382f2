import {
  back,
  front,
  isFiniteRun,
  largestCode,
  oneHalf,
  otherHalf,
  strideOf,
  total,
  totalCount,
} from './elements';
import { MOMENTS } from './memory';

/** Elements whose mean and M2 are formed together. */
const BLOCK: i32 = 2048;

/**
 * Adds elements `first … count − 1` to the moments, block by block; mean and M2 by the formula of Chan, Golub and
 * LeVeque that `mergeMoments` uses. Returns the first element not added: that of a block with an entry that is not
 * finite, or of the last seven or fewer.
 */
export function addMoments<T>(place: usize, first: i32, count: i32): i32 {
  const stride = strideOf<T>();
  const whole = count & ~7;
  while (first < whole) {
    const end = min(whole, first + BLOCK);
    if (!addBlock<T>(place + <usize>(first >> 3) * stride, (end - first) >> 3)) return first;
    first = end;
  }
  return first;
}

function addBlock<T>(place: usize, eights: i32): bool {
  const stride = strideOf<T>();
  const zero = f64x2.splat(0);
  let x = place;
  let sum = zero;
  let size = zero;
  let squares = zero;
  let zeros = zero;
  let code = zero;
  let least = f32x4.splat(Infinity);
  let most = f32x4.splat(-Infinity);
  for (let k = 0; k < eights; k++) {
    code = largestCode<T>(code, x);
    const four = oneHalf<T>(x);
    const otherFour = otherHalf<T>(x);
    least = f32x4.pmin(least, f32x4.pmin(four, otherFour));
    most = f32x4.pmax(most, f32x4.pmax(four, otherFour));
    zeros = i32x4.sub(zeros, f32x4.eq(four, f32x4.splat(0)));
    zeros = i32x4.sub(zeros, f32x4.eq(otherFour, f32x4.splat(0)));
    const x0 = front(four);
    const x1 = back(four);
    const x2 = front(otherFour);
    const x3 = back(otherFour);
    sum = f64x2.add(sum, f64x2.add(f64x2.add(x0, x1), f64x2.add(x2, x3)));
    const lowerSize = f64x2.add(f64x2.abs(x0), f64x2.abs(x1));
    size = f64x2.add(size, f64x2.add(lowerSize, f64x2.add(f64x2.abs(x2), f64x2.abs(x3))));
    const lower = f64x2.add(f64x2.mul(x0, x0), f64x2.mul(x1, x1));
    squares = f64x2.add(squares, f64x2.add(lower, f64x2.add(f64x2.mul(x2, x2), f64x2.mul(x3, x3))));
    x += stride;
  }
  if (!isFiniteRun<T>(code, squares)) return false;
  const count = <f64>(8 * eights);
  const mean = total(sum) / count;
  let m2 = total(squares) - total(sum) * mean;
  // Where the mean is small beside the spread, the difference loses no more than a bit.
  if (!(2 * m2 > total(squares))) m2 = squaredDeviations<T>(place, eights, mean);
  addSpread(count, mean, m2);
  store<f64>(MOMENTS, min(load<f64>(MOMENTS, 24), smallest(least)), 24);
  store<f64>(MOMENTS, max(load<f64>(MOMENTS, 32), -smallest(f32x4.neg(most))), 32);
  store<f64>(MOMENTS, load<f64>(MOMENTS, 40) + total(size), 40);
  store<f64>(MOMENTS, load<f64>(MOMENTS, 48) + total(squares), 48);
  store<f64>(MOMENTS, load<f64>(MOMENTS, 56) + totalCount(zeros), 56);
  return true;
}

/** Σ(x − mean)² */
function squaredDeviations<T>(x: usize, eights: i32, mean: f64): f64 {
  const stride = strideOf<T>();
  const middle = f64x2.splat(mean);
  let sum = f64x2.splat(0);
  for (let k = 0; k < eights; k++) {
    const four = oneHalf<T>(x);
    const otherFour = otherHalf<T>(x);
    const d0 = f64x2.sub(front(four), middle);
    const d1 = f64x2.sub(back(four), middle);
    const d2 = f64x2.sub(front(otherFour), middle);
    const d3 = f64x2.sub(back(otherFour), middle);
    const lower = f64x2.add(f64x2.mul(d0, d0), f64x2.mul(d1, d1));
    sum = f64x2.add(sum, f64x2.add(lower, f64x2.add(f64x2.mul(d2, d2), f64x2.mul(d3, d3))));
    x += stride;
  }
  return total(sum);
}

/** Joins number, mean and M2 of a block to those before it. */
function addSpread(count: f64, mean: f64, m2: f64): void {
  const before = load<f64>(MOMENTS);
  const difference = mean - load<f64>(MOMENTS, 8);
  const share = count / (before + count);
  store<f64>(MOMENTS, before + count);
  store<f64>(MOMENTS, before == 0 ? mean : load<f64>(MOMENTS, 8) + difference * share, 8);
  const apart = before == 0 ? 0 : difference * difference * before * share;
  store<f64>(MOMENTS, load<f64>(MOMENTS, 16) + m2 + apart, 16);
}

function smallest(four: v128): f64 {
  const lower = min(f32x4.extract_lane(four, 0), f32x4.extract_lane(four, 1));
  const upper = min(f32x4.extract_lane(four, 2), f32x4.extract_lane(four, 3));
  return <f64>min(lower, upper);
}
