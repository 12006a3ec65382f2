import { bytesFor } from './decode';
import type { DtypeName } from './dtype';

/** Element types into which values can be written. */
export type WritableDtype = 'F64' | 'F32' | 'F16' | 'BF16';

/** Whether values can be written in an element type. */
export function isWritable(dtype: DtypeName): dtype is WritableDtype {
  return dtype === 'F64' || dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/**
 * Values in an element type, little-endian: rounded to float32, then to the nearest of the type, ties to even (IEEE 754-2019
 * §4.3.1), as torch converts a float32 tensor. What is too large for the type becomes ±Inf.
 */
export function encode(dtype: WritableDtype, values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(bytesFor(dtype, values.length));
  switch (dtype) {
    case 'F64':
      new Float64Array(bytes.buffer).set(values);
      return bytes;
    case 'F32':
      new Float32Array(bytes.buffer).set(values);
      return bytes;
    case 'F16':
      return encode16(values, bytes, half);
    case 'BF16':
      return encode16(values, bytes, brain);
  }
}

function encode16(values: Float64Array, bytes: Uint8Array, code: (bits: number) => number): Uint8Array {
  const singles = new Float32Array(values);
  const bits = new Uint32Array(singles.buffer);
  const codes = new Uint16Array(bytes.buffer);
  for (let i = 0; i < codes.length; i++) codes[i] = code(bits[i] as number);
  return bytes;
}

const INFINITE = 0x7f800000;

/** The bfloat16 nearest to the float32 with these bits: its upper half, rounded. */
function brain(bits: number): number {
  if ((bits & 0x7fffffff) > INFINITE) return (bits >>> 16) | 0x0040;
  // A carry out of the mantissa is right: it moves on to the next exponent, and from the largest one to infinity.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The binary16 nearest to the float32 with these bits. */
function half(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > INFINITE) return sign | 0x7e00;
  // 65520 lies halfway between the largest binary16 and what would be the next one.
  if (size >= 0x477ff000) return sign | 0x7c00;
  // 2⁻¹⁴ is the smallest normal number.
  if (size >= 0x38800000) return sign | (roundedShift(size, 13) - (112 << 10));
  // Beneath it a step is 2⁻²⁴; half of that and less is 0.
  if (size <= 0x33000000) return sign;
  const mantissa = (size & 0x7fffff) | 0x800000;
  return sign | roundedShift(mantissa, 126 - (size >>> 23));
}

/** bits / 2^places, to nearest, ties to even. */
function roundedShift(bits: number, places: number): number {
  const lowest = (bits >>> places) & 1;
  return (bits + (1 << (places - 1)) - 1 + lowest) >>> places;
}
