// Sums in float32 over runs too short to lose digits that matter.
//
// Each lane adds at most 16 products and is then added to float64. An addition in float32 is off by at most 2^−24 of the
// sum so far, so such a lane is off by at most 16 · 2^−24 < 10^−6 of the sum of the products' magnitudes, whatever the
// numbers are. Over a million entries these errors leave about 10^−10 of inner products, and 10^−8 of the sums of squares
// of BF16 and F16: the last two bits of an odd number's square are 01, so that more of them are rounded down than up.
// F16, whose squares have the most digits, therefore has runs of half the length. The product of two BF16, F16
// or F8 numbers is exact in float32; that of F32 numbers is off by 2^−24 of itself, and so is any difference.
//
// Float32 has less room for squares than float64. A block whose sums of squares show that room could have been short is
// dropped, and summed in float64:
//   too large   a sum above 10^38; below it no sum of products can have overflowed either (Cauchy and Schwarz);
//   too small   a product below 2^−126 is off by up to 2^−149 beside its rounding, so 4,096 of them by less than
//               2^−137: nothing beside sums of squares of 10^−27 or more.
// Σ(y − x)² may also be 0, where nothing differs.

import { back, E4M3, F16, front, isScaled, oneHalf, otherHalf } from './elements';

/** Eights in a run: at most 16 products in each of four lanes. */
export function runOf<T>(): i32 {
  return idof<T>() == idof<F16>() ? 4 : 8;
}

/** Whether a block's sum of squares left room. False for NaN. */
export function isInRange(squares: f64): bool {
  return squares >= 1e-27 && squares <= 1e38;
}

/** Small types come scaled (elements.ts), which would leave no room for their squares. */
function unitOf<T>(): f32 {
  // 2^120 and 2^112
  return idof<T>() == idof<E4M3>()
    ? 1329227995784915872903807060280344576.0
    : 5192296858534827628530496329220096.0;
}

/** Brings sums of products back to the unit in which the sums of float64 are kept. */
function keptProduct<T>(): f64 {
  const unit = <f64>unitOf<T>();
  return 1 / (unit * unit);
}

/** Four of the eight elements at `place`, in their own unit. */
export function oneHalfUnscaled<T>(place: usize): v128 {
  const four = oneHalf<T>(place);
  return isScaled<T>() ? f32x4.mul(four, f32x4.splat(unitOf<T>())) : four;
}

/** The other four. */
export function otherHalfUnscaled<T>(place: usize): v128 {
  const four = otherHalf<T>(place);
  return isScaled<T>() ? f32x4.mul(four, f32x4.splat(unitOf<T>())) : four;
}

/** Sums of products in the unit in which they are kept. */
export function inKeptUnit<T>(lanes: v128): v128 {
  return isScaled<T>() ? f64x2.mul(lanes, f64x2.splat(keptProduct<T>())) : lanes;
}

/** a · b + c, rounded once where the module may ask for it and the processor can. */
export function fused(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Adds four lanes of a run to two of float64. */
export function addRun(sum: v128, run: v128): v128 {
  return f64x2.add(sum, f64x2.add(front(run), back(run)));
}

/** The largest of four lanes, in all four. */
export function largestOf(four: v128): v128 {
  const two = f32x4.pmax(four, v128.shuffle<i32>(four, four, 2, 3, 0, 1));
  return f32x4.pmax(two, v128.shuffle<i32>(two, two, 1, 0, 3, 2));
}

/**
 * The largest squared difference known from before, a little lowered against rounding up: what is above it is looked
 * at, and the exact figure stays where it was.
 */
export function knownLargest<T>(place: usize): v128 {
  const known = max(load<f64>(place), load<f64>(place, 8));
  const unit = isScaled<T>() ? known / keptProduct<T>() : known;
  return f32x4.splat(<f32>(unit * 0.999999));
}

/** Keeps a largest squared difference as the square of the difference itself, which its float32 square was rounded from. */
export function keepLargest<T>(place: usize, largest: v128): void {
  // The root of a square that was rounded is the number itself again.
  const root = <f64>f32x4.extract_lane(f32x4.sqrt(largest), 0);
  const square = isScaled<T>() ? root * root * keptProduct<T>() : root * root;
  v128.store(place, f64x2.max(v128.load(place), f64x2.splat(square)));
}

/** Which of four products are below zero, as a mask, also where a product of the numbers themselves would vanish. */
export function haveOppositeSigns(x: v128, y: v128): v128 {
  // The smallest product is (2^75 · 2^−149)². An infinite one still has its sign, and 0 · ∞ is not below zero.
  const unit = f32x4.splat(F32_UNIT);
  return f32x4.lt(f32x4.mul(f32x4.mul(x, unit), f32x4.mul(y, unit)), f32x4.splat(0));
}

/** 2^75 */
const F32_UNIT: f32 = 37778931862957161709568.0;
