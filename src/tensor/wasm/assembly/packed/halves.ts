import { isSingle, storeExact } from './exact';
import { CODES, RUN_BYTES, RUNS, TABLE, TARGET } from './places';

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
    // Minus zero taken off turns minus zero into zero.
    const single = reinterpret<u64>(minus) == 0 && isSingle(minus, by, more);
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
