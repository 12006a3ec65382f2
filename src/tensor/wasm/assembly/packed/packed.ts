// Codes with a scale (and zero) for every run of them to float32, in vector instructions: (code − zero) · scale + shift, as
// `src/tensor/stored/scaled.ts` computes it in float64, rounded once. Where scale and zero are float32 and the difference is exact,
// which is nearly always, the product of float32 is the same number.

// As in packed-kernels.ts.
const CODES: usize = 1024;
const RUNS: usize = 132_096;
const TABLE: usize = 263_168;
const TARGET: usize = 264_192;
const WORDS: usize = 526_848;
const BYTES: usize = 559_616;
/** A run: zero, scale and shift in float64, then the number of elements. */
const RUN_BYTES: usize = 32;

/** Four codes as their values. */
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

/** Stores four values less `zero` times `by`, plus `more`: in float64, rounded once. */
function storeExact(values: v128, zero: f64, by: f64, more: f64, to: usize): void {
  const minus = f64x2.splat(zero);
  const times = f64x2.splat(by);
  const plus = f64x2.splat(more);
  const low = f64x2.promote_low_f32x4(values);
  const high = f64x2.promote_low_f32x4(
    i8x16.shuffle(values, values, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
  );
  const first = f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(f64x2.sub(low, minus), times), plus));
  const second = f32x4.demote_f64x2_zero(f64x2.add(f64x2.mul(f64x2.sub(high, minus), times), plus));
  v128.store(to, i8x16.shuffle(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
}

/** Whether float32 gives the same: scale and zero are float32, a whole zero leaves whole codes exact, and minus zero is added. */
function isSingle(zero: f64, by: f64, more: f64): bool {
  if (reinterpret<u64>(more) != 0x8000000000000000) return false;
  return <f64>(<f32>by) == by && Math.floor(zero) == zero && Math.abs(zero) < 65_536;
}

/** Elements are taken four at a time; up to three codes behind the last are read and values written, which nobody uses. */
export function U8(runs: i32): void {
  let at = CODES;
  let to = TARGET;
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const zero = load<f64>(run);
    const by = load<f64>(run, 8);
    const more = load<f64>(run, 16);
    const length = <usize>load<i32>(run, 24);
    if (isSingle(zero, by, more)) {
      const minus = f32x4.splat(<f32>zero);
      const times = f32x4.splat(<f32>by);
      for (let i: usize = 0; i < length; i += 4) {
        v128.store(to + 4 * i, f32x4.mul(f32x4.sub(unsigned(at + i), minus), times));
      }
    } else {
      for (let i: usize = 0; i < length; i += 4) storeExact(unsigned(at + i), zero, by, more, to + 4 * i);
    }
    at += length;
    to += 4 * length;
  }
}

export function I8(runs: i32): void {
  let at = CODES;
  let to = TARGET;
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const zero = load<f64>(run);
    const by = load<f64>(run, 8);
    const more = load<f64>(run, 16);
    const length = <usize>load<i32>(run, 24);
    if (isSingle(zero, by, more)) {
      const minus = f32x4.splat(<f32>zero);
      const times = f32x4.splat(<f32>by);
      for (let i: usize = 0; i < length; i += 4) {
        v128.store(to + 4 * i, f32x4.mul(f32x4.sub(signed(at + i), minus), times));
      }
    } else {
      for (let i: usize = 0; i < length; i += 4) storeExact(signed(at + i), zero, by, more, to + 4 * i);
    }
    at += length;
    to += 4 * length;
  }
}

export function F8_E4M3(runs: i32): void {
  let at = CODES;
  let to = TARGET;
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const zero = load<f64>(run);
    const by = load<f64>(run, 8);
    const more = load<f64>(run, 16);
    const length = <usize>load<i32>(run, 24);
    if (zero == 0 && isSingle(zero, by, more)) {
      const minus = f32x4.splat(<f32>zero);
      const times = f32x4.splat(<f32>by);
      for (let i: usize = 0; i < length; i += 4) {
        v128.store(to + 4 * i, f32x4.mul(f32x4.sub(e4m3(at + i), minus), times));
      }
    } else {
      for (let i: usize = 0; i < length; i += 4) storeExact(e4m3(at + i), zero, by, more, to + 4 * i);
    }
    at += length;
    to += 4 * length;
  }
}

export function F8_E5M2(runs: i32): void {
  let at = CODES;
  let to = TARGET;
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const zero = load<f64>(run);
    const by = load<f64>(run, 8);
    const more = load<f64>(run, 16);
    const length = <usize>load<i32>(run, 24);
    if (zero == 0 && isSingle(zero, by, more)) {
      const minus = f32x4.splat(<f32>zero);
      const times = f32x4.splat(<f32>by);
      for (let i: usize = 0; i < length; i += 4) {
        v128.store(to + 4 * i, f32x4.mul(f32x4.sub(e5m2(at + i), minus), times));
      }
    } else {
      for (let i: usize = 0; i < length; i += 4) storeExact(e5m2(at + i), zero, by, more, to + 4 * i);
    }
    at += length;
    to += 4 * length;
  }
}

/** E2M1, two a byte, the lower half first. Lengths of runs are even. */
export function F4(runs: i32): void {
  // The upper bytes of the values, of which the others are zero.
  const upper = i8x16(0, 63, 63, 63, 64, 64, 64, 64, -128, -65, -65, -65, -64, -64, -64, -64);
  const lower = i8x16(0, 0, -128, -64, 0, 64, -128, -64, 0, 0, -128, -64, 0, 64, -128, -64);
  const zero = i8x16.splat(0);
  let at = CODES;
  let to = TARGET;
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const minus = load<f64>(run);
    const by = load<f64>(run, 8);
    const more = load<f64>(run, 16);
    const length = <usize>load<i32>(run, 24);
    const single = minus == 0 && isSingle(minus, by, more);
    for (let i: usize = 0; i < length; i += 16) {
      const both = v128.load64_zero(at + i / 2);
      const low = v128.and(both, i8x16.splat(15));
      const codes = i8x16.shuffle(
        low,
        i8x16.shr_u(both, 4),
        0,
        16,
        1,
        17,
        2,
        18,
        3,
        19,
        4,
        20,
        5,
        21,
        6,
        22,
        7,
        23,
      );
      const high = i8x16.swizzle(upper, codes);
      const rest = i8x16.swizzle(lower, codes);
      const first = i8x16.shuffle(rest, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const second = i8x16.shuffle(rest, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      storeFour(
        i8x16.shuffle(zero, first, 0, 0, 16, 17, 0, 0, 18, 19, 0, 0, 20, 21, 0, 0, 22, 23),
        single,
        minus,
        by,
        more,
        to + 4 * i,
      );
      storeFour(
        i8x16.shuffle(zero, first, 0, 0, 24, 25, 0, 0, 26, 27, 0, 0, 28, 29, 0, 0, 30, 31),
        single,
        minus,
        by,
        more,
        to + 4 * i + 16,
      );
      storeFour(
        i8x16.shuffle(zero, second, 0, 0, 16, 17, 0, 0, 18, 19, 0, 0, 20, 21, 0, 0, 22, 23),
        single,
        minus,
        by,
        more,
        to + 4 * i + 32,
      );
      storeFour(
        i8x16.shuffle(zero, second, 0, 0, 24, 25, 0, 0, 26, 27, 0, 0, 28, 29, 0, 0, 30, 31),
        single,
        minus,
        by,
        more,
        to + 4 * i + 48,
      );
    }
    at += length / 2;
    to += 4 * length;
  }
}

function storeFour(values: v128, single: bool, minus: f64, by: f64, more: f64, to: usize): void {
  if (single) v128.store(to, f32x4.mul(values, f32x4.splat(<f32>by)));
  else storeExact(values, minus, by, more, to);
}

/** Sixteen values of TABLE, chosen by four bits, the upper half of a byte first, times a scale. Lengths of runs are even. */
export function lookUp(runs: i32): void {
  let at = CODES;
  let to = TARGET;
  const plane0 = v128.load(TABLE);
  const plane1 = v128.load(TABLE, 16);
  const plane2 = v128.load(TABLE, 32);
  const plane3 = v128.load(TABLE, 48);
  for (let run = RUNS, end = RUNS + <usize>runs * RUN_BYTES; run < end; run += RUN_BYTES) {
    const times = f32x4.splat(<f32>load<f64>(run, 8));
    const length = <usize>load<i32>(run, 24);
    for (let i: usize = 0; i < length; i += 16) {
      const both = v128.load64_zero(at + i / 2);
      const low = v128.and(both, i8x16.splat(15));
      const codes = i8x16.shuffle(
        i8x16.shr_u(both, 4),
        low,
        0,
        16,
        1,
        17,
        2,
        18,
        3,
        19,
        4,
        20,
        5,
        21,
        6,
        22,
        7,
        23,
      );
      const byte0 = i8x16.swizzle(plane0, codes);
      const byte1 = i8x16.swizzle(plane1, codes);
      const byte2 = i8x16.swizzle(plane2, codes);
      const byte3 = i8x16.swizzle(plane3, codes);
      const lowerA = i8x16.shuffle(byte0, byte1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const lowerB = i8x16.shuffle(
        byte0,
        byte1,
        8,
        24,
        9,
        25,
        10,
        26,
        11,
        27,
        12,
        28,
        13,
        29,
        14,
        30,
        15,
        31,
      );
      const upperA = i8x16.shuffle(byte2, byte3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const upperB = i8x16.shuffle(
        byte2,
        byte3,
        8,
        24,
        9,
        25,
        10,
        26,
        11,
        27,
        12,
        28,
        13,
        29,
        14,
        30,
        15,
        31,
      );
      v128.store(to + 4 * i, f32x4.mul(zipLow(lowerA, upperA), times));
      v128.store(to + 4 * i, f32x4.mul(zipHigh(lowerA, upperA), times), 16);
      v128.store(to + 4 * i, f32x4.mul(zipLow(lowerB, upperB), times), 32);
      v128.store(to + 4 * i, f32x4.mul(zipHigh(lowerB, upperB), times), 48);
    }
    at += length / 2;
    to += 4 * length;
  }
}

function zipLow(lower: v128, upper: v128): v128 {
  return i8x16.shuffle(lower, upper, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
}

function zipHigh(lower: v128, upper: v128): v128 {
  return i8x16.shuffle(lower, upper, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
}

/** All numbers of four bits of words, from their lowest on, plus `plus` modulo 16, a byte each. */
export function fours(words: i32, plus: i32): void {
  const more = i8x16.splat(<i8>plus);
  const mask = i8x16.splat(15);
  let to = BYTES;
  for (let at = WORDS, end = WORDS + 4 * <usize>words; at < end; at += 16, to += 32) {
    const both = v128.load(at);
    const low = v128.and(i8x16.add(both, more), mask);
    const high = v128.and(i8x16.add(i8x16.shr_u(both, 4), more), mask);
    v128.store(to, i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(
      to,
      i8x16.shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
      16,
    );
  }
}

/** The number of four bits at `shift` of every word, plus `plus` modulo 16, a byte each. */
export function fourOf(words: i32, shift: i32, plus: i32): void {
  const more = i32x4.splat(plus);
  const mask = i32x4.splat(15);
  let to = BYTES;
  for (let at = WORDS, end = WORDS + 4 * <usize>words; at < end; at += 64, to += 16) {
    const first = v128.and(i32x4.add(i32x4.shr_u(v128.load(at), shift), more), mask);
    const second = v128.and(i32x4.add(i32x4.shr_u(v128.load(at, 16), shift), more), mask);
    const third = v128.and(i32x4.add(i32x4.shr_u(v128.load(at, 32), shift), more), mask);
    const fourth = v128.and(i32x4.add(i32x4.shr_u(v128.load(at, 48), shift), more), mask);
    const low = i16x8.narrow_i32x4_u(first, second);
    v128.store(to, i8x16.narrow_i16x8_u(low, i16x8.narrow_i32x4_u(third, fourth)));
  }
}
