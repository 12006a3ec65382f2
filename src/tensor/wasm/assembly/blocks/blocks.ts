// Blocks of ggml's usual quantised types to float32 in vector instructions: the arithmetic of `src/tensor/stored/blocks`, four
// elements at a time, in the same order and without fused operations, so that values are the same bit for bit.

// As in block-kernels.ts.
const SOURCE: usize = 1024;
const TARGET: usize = 66_560;

/** The half-precision number at `place`. */
function half(place: usize): f32 {
  const code: u32 = load<u16>(place);
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
function storeAbove(codes: v128, scale: v128, least: v128, to: usize): void {
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 0)), least));
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 1)), least), 16);
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 2)), least), 32);
  v128.store(to, f32x4.sub(f32x4.mul(scale, quarter(codes, 3)), least), 48);
}

/** θ = scale · q for sixteen signed codes. */
function storeScaled(codes: v128, scale: v128, to: usize): void {
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 0)));
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 1)), 16);
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 2)), 32);
  v128.store(to, f32x4.mul(scale, signedQuarter(codes, 3)), 48);
}

/** The scale of a group of Q4_K and Q5_K; see `packedScales` of k-quants.ts. */
function scaleOf(scales: usize, group: i32): f32 {
  const place = scales + (group & 3);
  const first = load<u8>(place);
  return <f32>(<i32>(group < 4 ? first & 63 : (load<u8>(place, 8) & 15) | ((first >> 6) << 4)));
}

/** Its least value. */
function leastOf(scales: usize, group: i32): f32 {
  const place = scales + (group & 3);
  const second = load<u8>(place, 4);
  return <f32>(<i32>(group < 4 ? second & 63 : (load<u8>(place, 8) >> 4) | ((second >> 6) << 4)));
}

export function Q4_K(count: i32): void {
  const low = i8x16.splat(15);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 144; at < end; at += 144) {
    const scale = half(at);
    const least = half(at + 2);
    for (let pair = 0; pair < 4; pair++, to += 256) {
      const first = f32x4.splat(scale * scaleOf(at + 4, 2 * pair));
      const firstLeast = f32x4.splat(least * leastOf(at + 4, 2 * pair));
      const second = f32x4.splat(scale * scaleOf(at + 4, 2 * pair + 1));
      const secondLeast = f32x4.splat(least * leastOf(at + 4, 2 * pair + 1));
      const codes = at + 16 + 32 * pair;
      for (let part: usize = 0; part < 2; part++) {
        const both = v128.load(codes + 16 * part);
        storeAbove(v128.and(both, low), first, firstLeast, to + 64 * part);
        storeAbove(i8x16.shr_u(both, 4), second, secondLeast, to + 128 + 64 * part);
      }
    }
  }
}

export function Q5_K(count: i32): void {
  const low = i8x16.splat(15);
  const bit = i8x16.splat(16);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 176; at < end; at += 176) {
    const scale = half(at);
    const least = half(at + 2);
    for (let group = 0; group < 8; group++, to += 128) {
      const own = f32x4.splat(scale * scaleOf(at + 4, group));
      const ownLeast = f32x4.splat(least * leastOf(at + 4, group));
      const codes = at + 48 + 32 * (group >> 1);
      for (let part: usize = 0; part < 2; part++) {
        const both = i8x16.shr_u(v128.load(codes + 16 * part), 4 * (group & 1));
        const high = i8x16.shl(i8x16.shr_u(v128.load(at + 16 + 16 * part), group), 4);
        storeAbove(v128.or(v128.and(both, low), v128.and(high, bit)), own, ownLeast, to + 64 * part);
      }
    }
  }
}

export function Q6_K(count: i32): void {
  const low = i8x16.splat(15);
  const two = i8x16.splat(48);
  const middle = i8x16.splat(32);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 210; at < end; at += 210) {
    const scale = half(at + 208);
    for (let group = 0; group < 16; group++, to += 64) {
      const own = f32x4.splat(scale * <f32>(<i32>load<i8>(at + 192 + group)));
      const quarterOf = (group >> 1) & 3;
      const part = 16 * (group & 1);
      const lower = v128.load(at + 64 * (group >> 3) + 32 * (quarterOf & 1) + part);
      const upper = v128.load(at + 128 + 32 * (group >> 3) + part);
      const high = i8x16.shl(i8x16.shr_u(upper, 2 * quarterOf), 4);
      const code = v128.or(v128.and(i8x16.shr_u(lower, 4 * (quarterOf >> 1)), low), v128.and(high, two));
      storeScaled(i8x16.sub(code, middle), own, to);
    }
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
