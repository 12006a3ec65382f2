// Blocks whose codes of four bits choose one of sixteen values; see `src/tensor/stored/blocks/iq4.ts` and `fp4.ts`.
import { half, SOURCE, storeScaled, TARGET } from './lanes';

/** Values of the lower halves of sixteen bytes, then of the upper ones. */
function storeChosen(both: v128, values: v128, scale: v128, to: usize): void {
  storeScaled(i8x16.swizzle(values, v128.and(both, i8x16.splat(15))), scale, to);
  storeScaled(i8x16.swizzle(values, i8x16.shr_u(both, 4)), scale, to + 64);
}

function denseAroundZero(): v128 {
  return i8x16(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
}

/** Twice the values of E2M1. */
function doubledE2M1(): v128 {
  return i8x16(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
}

export function IQ4_NL(count: i32): void {
  const values = denseAroundZero();
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 18; at < end; at += 18, to += 128) {
    storeChosen(v128.load(at, 2), values, f32x4.splat(half(at)), to);
  }
}

export function IQ4_XS(count: i32): void {
  const values = denseAroundZero();
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 136; at < end; at += 136) {
    const scale = half(at);
    const upper: u32 = load<u16>(at, 2);
    for (let group = 0; group < 8; group++, to += 128) {
      const low: u32 = (load<u8>(at + 4 + (group >> 1)) >> (<u8>(4 * (group & 1)))) & 15;
      const own = low | (((upper >> (2 * group)) & 3) << 4);
      storeChosen(v128.load(at + 8 + 16 * group), values, f32x4.splat(scale * <f32>(<i32>own - 32)), to);
    }
  }
}

export function MXFP4(count: i32): void {
  const values = doubledE2M1();
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 17; at < end; at += 17, to += 128) {
    const exponent: u32 = load<u8>(at);
    // Half of 2^(exponent − 127), which the two smallest have as subnormal numbers.
    const scale = reinterpret<f32>(exponent < 2 ? 0x00200000 << exponent : (exponent - 1) << 23);
    storeChosen(v128.load(at, 1), values, f32x4.splat(scale), to);
  }
}

export function NVFP4(count: i32): void {
  const values = doubledE2M1();
  let to = TARGET;
  for (let at = SOURCE, end = SOURCE + <usize>count * 36; at < end; at += 36) {
    for (let group = 0; group < 4; group++, to += 64) {
      const scale = halfOfE4M3(load<u8>(at + group));
      const both = v128.load64_zero(at + 4 + 8 * group);
      const codes = v128.or(
        v128.and(both, i8x16.splat(15)),
        i8x16.swizzle(i8x16.shr_u(both, 4), i8x16(-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7)),
      );
      storeScaled(i8x16.swizzle(values, codes), f32x4.splat(scale), to);
    }
  }
}

/** Half of the value, without its sign; 0 for the code that stands for NaN. */
function halfOfE4M3(code: u32): f32 {
  const exponent = (code >> 3) & 15;
  const fraction = code & 7;
  if (code == 0x7f) return 0;
  if (exponent == 0) return <f32>fraction * reinterpret<f32>(0x3a800000); // 2⁻¹⁰
  return reinterpret<f32>(((exponent + 119) << 23) | (fraction << 20));
}
