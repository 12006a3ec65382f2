// Blocks of 256 elements with scales of parts of them; see `src/tensor/stored/blocks/k-quants.ts`.
import { half, SOURCE, storeAbove, storeScaled, TARGET } from './lanes';

/** The scale of a group of Q4_K and Q5_K; see `packedScales` there. */
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

export function Q2_K(count: i32): void {
  const three = i8x16.splat(3);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 84; at < end; at += 84) {
    const scale = half(at + 80);
    const least = half(at + 82);
    for (let group = 0; group < 16; group++, to += 64) {
      const packed = load<u8>(at + group);
      const own = f32x4.splat(scale * <f32>(<i32>(packed & 15)));
      const ownLeast = f32x4.splat(least * <f32>(<i32>(packed >> 4)));
      const codes = v128.load(at + 16 + 32 * (group >> 3) + 16 * (group & 1));
      storeAbove(v128.and(i8x16.shr_u(codes, group & 6), three), own, ownLeast, to);
    }
  }
}

export function Q3_K(count: i32): void {
  const three = i8x16.splat(3);
  const four = i8x16.splat(4);
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 110; at < end; at += 110) {
    const scale = half(at + 108);
    for (let group = 0; group < 16; group++, to += 64) {
      const low = (load<u8>(at + 96 + (group & 7)) >> (<u8>(4 * (group >> 3)))) & 15;
      const high = (load<u8>(at + 104 + (group & 3)) >> (<u8>(2 * (group >> 2)))) & 3;
      const own = f32x4.splat(scale * <f32>(<i32>(low | (high << 4)) - 32));
      const codes = v128.load(at + 32 + 32 * (group >> 3) + 16 * (group & 1));
      const masks = v128.load(at + 16 * (group & 1));
      const upper = v128.and(i8x16.shl(i8x16.shr_u(masks, group >> 1), 2), four);
      const code = v128.or(v128.and(i8x16.shr_u(codes, group & 6), three), upper);
      storeScaled(i8x16.sub(code, four), own, to);
    }
  }
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

export function Q8_K(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 292; at < end; at += 292) {
    const scale = f32x4.splat(load<f32>(at));
    for (let part: usize = 0; part < 256; part += 16, to += 64)
      storeScaled(v128.load(at + part, 4), scale, to);
  }
}
