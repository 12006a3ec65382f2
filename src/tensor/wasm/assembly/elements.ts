// Elements from their bytes to float64, eight at a time and exactly. The eight come in an order of their own, the same
// for every tensor of a type: sums do not care, and picking even and odd elements needs no shuffle.

/** Element types, as arguments of generic functions. */
export class BF16 {}
export class F16 {}
export class F32 {}
export class E4M3 {}
export class E5M2 {}

/** Bytes of eight elements. */
export function strideOf<T>(): usize {
  if (idof<T>() == idof<F32>()) return 32;
  return isByte<T>() ? 8 : 16;
}

function isByte<T>(): bool {
  return idof<T>() == idof<E4M3>() || idof<T>() == idof<E5M2>();
}

/** Whether elements come scaled by a power of two, and infinities as finite numbers. */
export function isScaled<T>(): bool {
  return isByte<T>() || idof<T>() == idof<F16>();
}

/** The bit patterns of the eight elements at `place`, 16 bits each; those of one byte in the upper half. Not of F32. */
export function codesOf<T>(place: usize): v128 {
  return isByte<T>() ? i16x8.shl(v128.load_ext<u8>(place), 8) : v128.load(place);
}

/**
 * Four of the eight elements at `place` as float32. F16 and E5M2 come scaled by 2^−112, E4M3 by 2^−120: the exponent is
 * put where float32 has its own without changing the bias, which is exact for subnormal numbers too, and leaves
 * infinities finite.
 */
export function oneHalf<T>(place: usize): v128 {
  if (idof<T>() == idof<F32>()) return v128.load(place);
  const upper = i32x4.shl(codesOf<T>(place), 16);
  return idof<T>() == idof<BF16>() ? upper : placed<T>(upper);
}

/** The other four. */
export function otherHalf<T>(place: usize): v128 {
  if (idof<T>() == idof<F32>()) return v128.load(place, 16);
  const bits = codesOf<T>(place);
  return idof<T>() == idof<BF16>() ? v128.and(bits, i32x4.splat(0xffff0000)) : placed<T>(bits);
}

/** Sign and the other bits of codes in the upper halves, put to where float32 has them. */
function placed<T>(codes: v128): v128 {
  if (idof<T>() == idof<E4M3>()) return v128.and(i32x4.shr_s(codes, 4), i32x4.splat(0x87f00000));
  return v128.and(i32x4.shr_s(codes, 3), i32x4.splat(0x8fffe000));
}

/** Elements 0 and 1 of four. */
export function front(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

/** Elements 2 and 3 of four. */
export function back(four: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1));
}

/**
 * Keeps account of the largest magnitude among bit patterns where infinities and NaN do not show in sums. Nothing for
 * the other types, whose sums of squares are finite if and only if every element is.
 */
export function largestCode<T>(known: v128, place: usize): v128 {
  if (!isScaled<T>()) return known;
  return i16x8.max_u(known, v128.and(codesOf<T>(place), i16x8.splat(0x7fff)));
}

/** Whether all elements were finite that {@link largestCode} saw and whose squares add up to `squares`. */
export function isFiniteRun<T>(largest: v128, squares: v128): bool {
  // E4M3 has no infinity, and a NaN in place of its largest number only.
  if (isScaled<T>()) {
    const most: i16 = idof<T>() == idof<E4M3>() ? 0x7e00 : 0x7bff;
    return !v128.any_true(i16x8.gt_u(largest, i16x8.splat(most)));
  }
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
