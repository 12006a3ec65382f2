// What the kernels of all block formats share: where blocks and values lie, and how codes become float32.

// As in block-kernels.ts.
export const TABLES: usize = 1024;
export const SOURCE: usize = 36_864;
export const TARGET: usize = 102_400;

/** The half-precision number at `place`. */
export function half(place: usize): f32 {
  return halfOf(load<u16>(place));
}

/** The value of a half-precision code. */
export function halfOf(code: u32): f32 {
  const exponent = (code >> 10) & 31;
  const fraction = code & 1023;
  const sign = (code & 0x8000) << 16;
  if (exponent == 0) {
    const size = <f32>fraction * reinterpret<f32>(0x33800000); // 2⁻²⁴
    return reinterpret<f32>(reinterpret<u32>(size) | sign);
  }
  const bits = exponent == 31 ? 0x7f800000 | (fraction << 13) : ((code & 0x7fff) << 13) + 0x38000000;
  return reinterpret<f32>(bits | sign);
}

/** Unsigned bytes 4n … 4n + 3 of sixteen, as float32. */
function quarter(bytes: v128, n: i32): v128 {
  const shorts = n < 2 ? i16x8.extend_low_i8x16_u(bytes) : i16x8.extend_high_i8x16_u(bytes);
  const words = (n & 1) == 0 ? i32x4.extend_low_i16x8_u(shorts) : i32x4.extend_high_i16x8_u(shorts);
  return f32x4.convert_i32x4_s(words);
}

/** Signed bytes 4n … 4n + 3 of sixteen, as float32. */
function signedQuarter(bytes: v128, n: i32): v128 {
  const shorts = n < 2 ? i16x8.extend_low_i8x16_s(bytes) : i16x8.extend_high_i8x16_s(bytes);
  const words = (n & 1) == 0 ? i32x4.extend_low_i16x8_s(shorts) : i32x4.extend_high_i16x8_s(shorts);
  return f32x4.convert_i32x4_s(words);
}

/** θ = scale · q − least for sixteen unsigned codes. */
export function storeAbove(codes: v128, scale: v128, least: v128, to: usize): void {
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 0)), least));
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 1)), least), 16);
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 2)), least), 32);
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 3)), least), 48);
}

/** θ = scale · q for sixteen signed codes. */
export function storeScaled(codes: v128, scale: v128, to: usize): void {
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 0)));
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 1)), 16);
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 2)), 32);
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 3)), 48);
}

/** Sixteen bits, from the lowest of the first byte on, as bytes that are `set` or 0. */
export function spreadBits(two: u32, set: v128): v128 {
  const bytes = i8x16.swizzle(i32x4.splat(two), i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const bit = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return v128.and(i8x16.eq(v128.and(bytes, bit), bit), set);
}

/** Eight signed bytes at `grid` times scale, negative where the bit of `signs` is set. */
export function storeSigned(grid: usize, scale: v128, signs: u32, to: usize): void {
  storeSignedShorts(v128.load8x8_s(grid), scale, signs, to);
}

/** Four signed bytes at each of two places. */
export function storeSignedPair(first: usize, second: usize, scale: v128, signs: u32, to: usize): void {
  const bytes = v128.load_lane<u32>(second, v128.load32_zero(first), 1);
  storeSignedShorts(i16x8.extend_low_i8x16_s(bytes), scale, signs, to);
}

function storeSignedShorts(shorts: v128, scale: v128, signs: u32, to: usize): void {
  const all = i32x4.splat(signs);
  const low = i32x4(1, 2, 4, 8);
  const high = i32x4(16, 32, 64, 128);
  const first = f32x4.mul(scale, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(shorts)));
  const second = f32x4.mul(scale, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(shorts)));
  v128.store(to, v128.xor(first, i32x4.shl(i32x4.eq(v128.and(all, low), low), 31)));
  v128.store(to, v128.xor(second, i32x4.shl(i32x4.eq(v128.and(all, high), high), 31)), 16);
}

/** The signs of eight elements by the seven that are stored: the eighth makes their number even. */
export function evenSigns(seven: u32): u32 {
  return seven | ((popcnt(seven) & 1) << 7);
}
