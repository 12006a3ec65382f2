// Counts of equal entries and of sign flips from bit patterns, where no product can vanish.
import { codesOf, strideOf, totalCount } from './elements';

/** Equal entries, and entries of opposite signs, that {@link countCodes} found. */
export let identicalCodes: f64 = 0;
export let flippedCodes: f64 = 0;

/**
 * Counts over at most 32,767 eights of elements of 8 or 16 bits. Zeros of either sign are equal, and have no sign to flip: the
 * loops over runs leave such blocks to this one.
 */
export function countCodes<T>(x: usize, y: usize, eights: i32): void {
  let identical = i16x8.splat(0);
  let flips = identical;
  const zero = identical;
  for (let k = 0; k < eights; k++) {
    const u = codesOf<T>(x);
    const v = codesOf<T>(y);
    const size = i16x8.shl(u, 1);
    const otherSize = i16x8.shl(v, 1);
    const bothZero = i16x8.eq(v128.or(size, otherSize), zero);
    const oneZero = i16x8.eq(i16x8.min_u(size, otherSize), zero);
    identical = i16x8.sub(identical, v128.or(i16x8.eq(u, v), bothZero));
    flips = i16x8.sub(flips, v128.andnot(i16x8.shr_s(v128.xor(u, v), 15), oneZero));
    x += strideOf<T>();
    y += strideOf<T>();
  }
  identicalCodes = total16(identical);
  flippedCodes = total16(flips);
}

/** All eight counts together. */
export function total16(counts: v128): f64 {
  return totalCount(i32x4.extadd_pairwise_i16x8_s(counts));
}
