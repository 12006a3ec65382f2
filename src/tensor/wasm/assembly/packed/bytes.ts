import { isSingle, storeExact } from './exact';
import { CODES, RUN_BYTES, RUNS, TARGET } from './places';

function unsigned(at: usize): v128 {
  const shorts = i16x8.extend_low_i8x16_u(v128.load32_zero(at));
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(shorts));
}

function signed(at: usize): v128 {
  const shorts = i16x8.extend_low_i8x16_s(v128.load32_zero(at));
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(shorts));
}

/** E4M3 without infinities: all ones is NaN. */
function e4m3(at: usize): v128 {
  const codes = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
  const size = v128.and(codes, i32x4.splat(0x7f));
  // Subnormal numbers are what lies above the smallest exponent.
  const small = i32x4.lt_s(size, i32x4.splat(8));
  const bits = i32x4.add(i32x4.shl(size, 20), i32x4.splat(120 << 23));
  const raised = i32x4.add(bits, v128.and(small, i32x4.splat(1 << 23)));
  const value = f32x4.sub(raised, v128.and(small, f32x4.splat(reinterpret<f32>(121 << 23))));
  const nan = v128.and(i32x4.eq(size, i32x4.splat(0x7f)), i32x4.splat(0x7fc00000));
  const sign = i32x4.shl(i32x4.shr_u(codes, 7), 31);
  return v128.or(v128.or(value, nan), sign);
}

/** E5M2, with infinities: the upper byte of half precision. */
function e5m2(at: usize): v128 {
  const codes = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
  const size = v128.and(codes, i32x4.splat(0x7f));
  const small = i32x4.lt_s(size, i32x4.splat(4));
  const bits = i32x4.add(i32x4.shl(size, 21), i32x4.splat(112 << 23));
  const raised = i32x4.add(bits, v128.and(small, i32x4.splat(1 << 23)));
  const value = f32x4.sub(raised, v128.and(small, f32x4.splat(reinterpret<f32>(113 << 23))));
  const beyond = v128.and(i32x4.ge_s(size, i32x4.splat(0x7c)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(i32x4.shr_u(codes, 7), 31);
  return v128.or(v128.or(value, beyond), sign);
}

/** Types of codes; an empty class each, chosen by when the kernels are compiled. */
class Unsigned {}
class Signed {}
class E4M3 {}
class E5M2 {}

/** Four codes as their values. */
function valuesAt<C>(at: usize): v128 {
  if (idof<C>() == idof<Unsigned>()) return unsigned(at);
  if (idof<C>() == idof<Signed>()) return signed(at);
  return idof<C>() == idof<E4M3>() ? e4m3(at) : e5m2(at);
}

/** Whether float32 gives the same; of codes that are no whole numbers only where nothing is taken off. */
function isSingleOf<C>(zero: f64, by: f64, more: f64): bool {
  const isWhole = idof<C>() == idof<Unsigned>() || idof<C>() == idof<Signed>();
  return (isWhole || zero == 0) && isSingle(zero, by, more);
}

/** Elements are taken four at a time; up to three codes behind the last are read and values written, which nobody uses. */
function scaleRuns<C>(runs: i32): void {
  let at = CODES;
  let to = TARGET;
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const zero = load<f64>(run);
    const by = load<f64>(run, 8);
    const more = load<f64>(run, 16);
    const length = <usize>load<i32>(run, 24);
    if (isSingleOf<C>(zero, by, more)) {
      const minus = f32x4.splat(<f32>zero);
      const times = f32x4.splat(<f32>by);
      for (let i: usize = 0; i < length; i += 4) {
        v128.store(to + 4 * i, f32x4.mul(f32x4.sub(valuesAt<C>(at + i), minus), times));
      }
    } else {
      for (let i: usize = 0; i < length; i += 4) {
        storeExact(valuesAt<C>(at + i), zero, by, more, to + 4 * i);
      }
    }
    at += length;
    to += 4 * length;
  }
}

export function U8(runs: i32): void {
  scaleRuns<Unsigned>(runs);
}

export function I8(runs: i32): void {
  scaleRuns<Signed>(runs);
}

export function F8_E4M3(runs: i32): void {
  scaleRuns<E4M3>(runs);
}

export function F8_E5M2(runs: i32): void {
  scaleRuns<E5M2>(runs);
}
