// Blocks of a scale and codes; see `src/tensor/stored/blocks/scaled.ts` and `ternary.ts`.
import { half, SOURCE, spreadBits, storeAbove, storeScaled, TARGET } from './lanes';

export function Q4_0(count: i32): void {
  const low = i8x16.splat(15);
  const middle = i8x16.splat(8);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 18; at < end; at += 18, to += 128) {
    const scale = f32x4.splat(half(at));
    const both = v128.load(at, 2);
    storeScaled(i8x16.sub(v128.and(both, low), middle), scale, to);
    storeScaled(i8x16.sub(i8x16.shr_u(both, 4), middle), scale, to + 64);
  }
}

export function Q4_1(count: i32): void {
  const low = i8x16.splat(15);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 20; at < end; at += 20, to += 128) {
    const scale = f32x4.splat(half(at));
    const least = f32x4.neg(f32x4.splat(half(at + 2)));
    const both = v128.load(at, 4);
    storeAbove(v128.and(both, low), scale, least, to);
    storeAbove(i8x16.shr_u(both, 4), scale, least, to + 64);
  }
}

export function Q5_0(count: i32): void {
  const low = i8x16.splat(15);
  const fifth = i8x16.splat(16);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 22; at < end; at += 22, to += 128) {
    const scale = f32x4.splat(half(at));
    const high = load<u32>(at, 2);
    const both = v128.load(at, 6);
    const first = v128.or(v128.and(both, low), spreadBits(high, fifth));
    const second = v128.or(i8x16.shr_u(both, 4), spreadBits(high >> 16, fifth));
    storeScaled(i8x16.sub(first, fifth), scale, to);
    storeScaled(i8x16.sub(second, fifth), scale, to + 64);
  }
}

export function Q5_1(count: i32): void {
  const low = i8x16.splat(15);
  const fifth = i8x16.splat(16);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 24; at < end; at += 24, to += 128) {
    const scale = f32x4.splat(half(at));
    const least = f32x4.neg(f32x4.splat(half(at + 2)));
    const high = load<u32>(at, 4);
    const both = v128.load(at, 8);
    storeAbove(v128.or(v128.and(both, low), spreadBits(high, fifth)), scale, least, to);
    storeAbove(v128.or(i8x16.shr_u(both, 4), spreadBits(high >> 16, fifth)), scale, least, to + 64);
  }
}

export function Q8_0(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 34; at < end; at += 34, to += 128) {
    const scale = f32x4.splat(half(at));
    storeScaled(v128.load(at, 2), scale, to);
    storeScaled(v128.load(at, 18), scale, to + 64);
  }
}

export function Q8_1(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 36; at < end; at += 36, to += 128) {
    const scale = f32x4.splat(half(at));
    storeScaled(v128.load(at, 4), scale, to);
    storeScaled(v128.load(at, 20), scale, to + 64);
  }
}

export function Q1_0(count: i32): void {
  const one = i8x16.splat(1);
  const two = i8x16.splat(2);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 18; at < end; at += 18) {
    const scale = f32x4.splat(half(at));
    for (let part: usize = 0; part < 16; part += 2, to += 64) {
      storeScaled(i8x16.sub(spreadBits(load<u16>(at + part, 2), two), one), scale, to);
    }
  }
}

export function Q2_0(count: i32): void {
  const one = i8x16.splat(1);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 18; at < end; at += 18) {
    const scale = f32x4.splat(half(at));
    for (let part: usize = 0; part < 16; part += 4, to += 64) {
      storeScaled(i8x16.sub(spreadPairs(load<u32>(at + part, 2)), one), scale, to);
    }
  }
}

/** Sixteen numbers of two bits, from the lowest of the first byte on. */
function spreadPairs(four: u32): v128 {
  const bytes = i8x16.swizzle(i32x4.splat(four), i8x16(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
  const first = v128.and(bytes, i32x4.splat(0x03));
  const second = v128.and(i8x16.shr_u(bytes, 2), i32x4.splat(0x0300));
  const third = v128.and(i8x16.shr_u(bytes, 4), i32x4.splat(0x030000));
  const fourth = v128.and(i8x16.shr_u(bytes, 6), i32x4.splat(0x03000000));
  return v128.or(v128.or(first, second), v128.or(third, fourth));
}

export function TQ1_0(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 54; at < end; at += 54) {
    const scale = half(at + 52);
    const all = f32x4.splat(scale);
    for (let n = 0, power: i32 = 1; n < 5; n++, power *= 3, to += 128) {
      storeScaled(digits(v128.load(at), power), all, to);
      storeScaled(digits(v128.load(at, 16), power), all, to + 64);
    }
    for (let n = 0, power: i32 = 1; n < 5; n++, power *= 3, to += 64) {
      storeScaled(digits(v128.load(at, 32), power), all, to);
    }
    for (let n = 0, power: i32 = 1; n < 4; n++, power *= 3, to += 16) {
      for (let i: usize = 0; i < 4; i++) {
        const shifted = (<i32>load<u8>(at + i, 48) * power) & 255;
        store<f32>(to + 4 * i, <f32>(((shifted * 3) >> 8) - 1) * scale);
      }
    }
  }
}

/** The digit in base 3 at the place of `power` of sixteen bytes, less 1. */
function digits(bytes: v128, power: i32): v128 {
  const factor = i16x8.splat(<i16>power);
  const low = digit(i16x8.extend_low_i8x16_u(bytes), factor);
  const high = digit(i16x8.extend_high_i8x16_u(bytes), factor);
  return i8x16.sub(i8x16.narrow_i16x8_u(low, high), i8x16.splat(1));
}

function digit(shorts: v128, factor: v128): v128 {
  const shifted = v128.and(i16x8.mul(shorts, factor), i16x8.splat(255));
  return i16x8.shr_u(i16x8.mul(shifted, i16x8.splat(3)), 8);
}

export function TQ2_0(count: i32): void {
  const one = i8x16.splat(1);
  const three = i8x16.splat(3);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 66; at < end; at += 66) {
    const scale = f32x4.splat(half(at + 64));
    for (let group = 0; group < 8; group++, to += 128) {
      const codes = at + 32 * (group >> 2);
      const shift = 2 * (group & 3);
      storeScaled(i8x16.sub(v128.and(i8x16.shr_u(v128.load(codes), shift), three), one), scale, to);
      storeScaled(i8x16.sub(v128.and(i8x16.shr_u(v128.load(codes, 16), shift), three), one), scale, to + 64);
    }
  }
}
