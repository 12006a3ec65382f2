// Elements from their bytes to float64, eight at a time and exactly. The eight come in an order of their own, the same
// for every tensor of a type: sums do not care, and picking even and odd elements needs no shuffle.

/** Element types, as arguments of generic functions. */
export class BF16 {}
export class F16 {}
export class F32 {}

/** Bytes of eight elements. */
export function strideOf<T>(): usize {
  return idof<T>() == idof<F32>() ? 32 : 16;
}

/**
 * Four of the eight elements at `place` as float32. F16 comes scaled by 2^−112: its exponent is put where float32 has
 * its own without changing the bias, which is exact for subnormal numbers too, and leaves infinities finite.
 */
export function oneHalf<T>(place: usize): v128 {
  const bits = v128.load(place);
  if (idof<T>() == idof<F32>()) return bits;
  const upper = i32x4.shl(bits, 16);
  if (idof<T>() == idof<BF16>()) return upper;
  return v128.and(i32x4.shr_s(upper, 3), i32x4.splat(F16_IN_F32));
}

/** The other four. */
export function otherHalf<T>(place: usize): v128 {
  if (idof<T>() == idof<F32>()) return v128.load(place, 16);
  const bits = v128.load(place);
  if (idof<T>() == idof<BF16>()) return v128.and(bits, i32x4.splat(0xffff0000));
  return v128.and(i32x4.shr_s(bits, 3), i32x4.splat(F16_IN_F32));
}

/** Sign and the 15 other bits of an F16 that was shifted arithmetically to where float32 has them. */
const F16_IN_F32: i32 = 0x8fffe000;

/** Elements 0 and 1 of four. */
export function front(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

/** Elements 2 and 3 of four. */
export function back(four: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1));
}

/**
 * Keeps account of the largest magnitude among F16 bit patterns, where infinities and NaN do not show in sums. Nothing
 * for the other types, whose sums of squares are finite if and only if every element is.
 */
export function largestCode<T>(known: v128, place: usize): v128 {
  if (idof<T>() != idof<F16>()) return known;
  return i16x8.max_u(known, v128.and(v128.load(place), i16x8.splat(0x7fff)));
}

/** Whether all elements were finite that {@link largestCode} saw and whose squares add up to `squares`. */
export function isFiniteRun<T>(largest: v128, squares: v128): bool {
  if (idof<T>() == idof<F16>()) return !v128.any_true(i16x8.gt_u(largest, i16x8.splat(0x7bff)));
  const sum = total(squares);
  return sum - sum == 0;
}

/** Both lanes together. */
export function total(lanes: v128): f64 {
  return f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1);
}

/** All four counts together. */
export function totalCount(counts: v128): f64 {
  const sum =
    i32x4.extract_lane(counts, 0) +
    i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) +
    i32x4.extract_lane(counts, 3);
  return <f64>sum;
}

/** How many of four products are below zero, as a mask. The upper half of a double tells, read as a float of its own. */
export function belowZero(two: v128, otherTwo: v128): v128 {
  return f32x4.lt(v128.shuffle<i32>(two, otherTwo, 1, 3, 5, 7), f32x4.splat(0));
}
