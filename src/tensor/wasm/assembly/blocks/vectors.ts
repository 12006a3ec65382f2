// Blocks of vectors out of a codebook; see `src/tensor/stored/blocks/iq1.ts`, `iq2.ts` and `iq3.ts`. The codebooks are written to
// TABLES, a byte an entry, before a format is used (`block-kernels.ts`).
import { evenSigns, half, halfOf, SOURCE, storeSigned, storeSignedPair, TABLES, TARGET } from './lanes';

// As in block-kernels.ts.
const IQ1: usize = TABLES;
const IQ2_XXS_BOOK: usize = TABLES + 16_384;
const IQ2_XS_BOOK: usize = TABLES + 18_432;
const IQ2_S_BOOK: usize = TABLES + 22_528;
const IQ3_XXS_BOOK: usize = TABLES + 30_720;
const IQ3_S_BOOK: usize = TABLES + 31_744;

export function IQ2_XXS(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 66; at < end; at += 66) {
    const scale = half(at);
    for (let group = 0; group < 8; group++) {
      const codes = at + 2 + 8 * group;
      const rest = load<u32>(codes, 4);
      const own = f32x4.splat(scale * (<f32>0.5 + <f32>(rest >> 28)) * <f32>0.25);
      for (let part = 0; part < 4; part++, to += 32) {
        const vector = IQ2_XXS_BOOK + 8 * <usize>load<u8>(codes + part);
        storeSigned(vector, own, evenSigns((rest >> (7 * part)) & 127), to);
      }
    }
  }
}

export function IQ2_XS(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 74; at < end; at += 74) {
    const scale = half(at);
    for (let part = 0; part < 32; part++, to += 32) {
      const code: u32 = load<u16>(at + 2 + 2 * part);
      const vector = IQ2_XS_BOOK + 8 * <usize>(code & 511);
      storeSigned(vector, quarterScale(scale, at + 66, part), evenSigns(code >> 9), to);
    }
  }
}

export function IQ2_S(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 82; at < end; at += 82) {
    const scale = half(at);
    for (let part = 0; part < 32; part++, to += 32) {
      const upper: u32 = (load<u8>(at + 66 + (part >> 2)) >> (<u8>(2 * (part & 3)))) & 3;
      const vector = IQ2_S_BOOK + 8 * <usize>((<u32>load<u8>(at + 2 + part)) | (upper << 8));
      storeSigned(vector, quarterScale(scale, at + 74, part), load<u8>(at + 34 + part), to);
    }
  }
}

/** d · (½ + s) / 4 with the four bits of vectors 2n and 2n + 1 in a byte for four vectors. */
function quarterScale(scale: f32, scales: usize, part: i32): v128 {
  const own: u32 = (load<u8>(scales + (part >> 2)) >> (<u8>(4 * ((part >> 1) & 1)))) & 15;
  return f32x4.splat(scale * (<f32>0.5 + <f32>own) * <f32>0.25);
}

export function IQ3_XXS(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 98; at < end; at += 98) {
    const scale = half(at);
    for (let part = 0; part < 32; part++, to += 32) {
      const rest = load<u32>(at + 66 + 4 * (part >> 2));
      const own = f32x4.splat(scale * (<f32>0.5 + <f32>(rest >> 28)) * <f32>0.5);
      const codes = at + 2 + 2 * part;
      const first = IQ3_XXS_BOOK + 4 * <usize>load<u8>(codes);
      const second = IQ3_XXS_BOOK + 4 * <usize>load<u8>(codes, 1);
      storeSignedPair(first, second, own, evenSigns((rest >> (7 * (part & 3))) & 127), to);
    }
  }
}

export function IQ3_S(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 110; at < end; at += 110) {
    const scale = half(at);
    for (let part = 0; part < 32; part++, to += 32) {
      const group = part >> 2;
      const packed: u32 = (load<u8>(at + 106 + (group >> 1)) >> (<u8>(4 * (group & 1)))) & 15;
      const own = f32x4.splat(scale * <f32>(<i32>(1 + 2 * packed)));
      const upper: u32 = load<u8>(at + 66 + group) >> (<u8>(2 * (part & 3)));
      const codes = at + 2 + 2 * part;
      const first = IQ3_S_BOOK + 4 * <usize>((<u32>load<u8>(codes)) | ((upper & 1) << 8));
      const second = IQ3_S_BOOK + 4 * <usize>((<u32>load<u8>(codes, 1)) | ((upper & 2) << 7));
      storeSignedPair(first, second, own, load<u8>(at + 74 + part), to);
    }
  }
}

/** Eight signed bytes at `grid` plus ⅛ or less ⅛, times scale. */
function storeShifted(grid: usize, scale: f32, down: bool, to: usize): void {
  const shorts = v128.load8x8_s(grid);
  const shift = f32x4.splat(down ? <f32>-0.125 : <f32>0.125);
  const by = f32x4.splat(scale);
  const first = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(shorts));
  const second = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(shorts));
  v128.store(to, f32x4.mul(by, f32x4.add(first, shift)));
  v128.store(to, f32x4.mul(by, f32x4.add(second, shift)), 16);
}

export function IQ1_S(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 50; at < end; at += 50) {
    const scale = half(at);
    for (let part = 0; part < 32; part++, to += 32) {
      const upper: u32 = load<u16>(at + 34 + 2 * (part >> 2));
      const own = scale * <f32>(<i32>(2 * ((upper >> 12) & 7) + 1));
      const vector = (<u32>load<u8>(at + 2 + part)) | (((upper >> (3 * (part & 3))) & 7) << 8);
      storeShifted(IQ1 + 8 * <usize>vector, own, (upper & 0x8000) != 0, to);
    }
  }
}

export function IQ1_M(count: i32): void {
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 56; at < end; at += 56) {
    let code: u32 = 0;
    for (let part = 0; part < 4; part++) code |= ((<u32>load<u16>(at + 48 + 2 * part)) >> 12) << (4 * part);
    const scale = halfOf(code);
    for (let part = 0; part < 32; part++, to += 32) {
      const group = part >> 1;
      const packed = (<u32>load<u16>(at + 48 + 2 * (group >> 2))) >> (3 * (group & 3));
      const upper: u32 = load<u8>(at + 32 + group) >> (<u8>(4 * (part & 1)));
      const vector = (<u32>load<u8>(at + part)) | ((upper & 7) << 8);
      storeShifted(IQ1 + 8 * <usize>vector, scale * <f32>(<i32>(2 * (packed & 7) + 1)), (upper & 8) != 0, to);
    }
  }
}
