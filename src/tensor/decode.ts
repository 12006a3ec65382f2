import { dtypeByName, type DtypeName } from './dtype';
import { valuesOf } from './small-floats';

/** Writes the values of elements `first … first + count − 1` to the front of `target`. */
export type Decoder = (first: number, count: number, target: Float64Array) => void;

/** Width of one element in bits, 4 to 128. */
export function bitsOf(dtype: DtypeName): number {
  return dtypeByName(dtype)?.bits ?? 8;
}

/** Bytes that `count` elements take, a last partly used byte included. */
export function bytesFor(dtype: DtypeName, count: number): number {
  return Math.ceil((count * bitsOf(dtype)) / 8);
}

/**
 * Decodes the first `count` elements of `bytes`: little-endian, any alignment. Every type but two becomes exactly the
 * same number in float64: I64 and U64 are rounded to the nearest double beyond ±2^53, and C64 and C128 have no place on the
 * real line, so their entries become NaN rather than real and imaginary parts in turn. BOOL is 0 for a zero byte, else 1.
 * F4 and F6 are packed from the lowest bit of each byte up, as `torch.float4_e2m1fn_x2` and ONNX ("Float stored in 6 bits") have
 * it; safetensors itself prescribes no order.
 * Elements that `bytes` does not hold are NaN.
 */
export function decode(dtype: DtypeName, bytes: Uint8Array, count: number): Float64Array {
  return decodeInto(dtype, bytes, new Float64Array(count));
}

/** {@link decode} into an array that is there already: fills all of `target`, and returns it. */
export function decodeInto(dtype: DtypeName, bytes: Uint8Array, target: Float64Array): Float64Array {
  const held = Math.min(target.length, Math.floor((bytes.length * 8) / bitsOf(dtype)));
  decoder(dtype, bytes)(0, held, target);
  target.fill(Number.NaN, held);
  return target;
}

/**
 * A decoder over `bytes`, which it keeps by reference where they are aligned to the element size and copies otherwise.
 * It does not check `first + count` against the end of `bytes`.
 */
export function decoder(dtype: DtypeName, bytes: Uint8Array): Decoder {
  switch (dtype) {
    case 'F64':
      return copying(new Float64Array(...aligned(bytes, 8)));
    case 'F32': {
      const source = new Float32Array(...aligned(bytes, 4));
      return (first, count, target) => copyFloat32(source, first, count, target);
    }
    case 'F16':
    case 'BF16': {
      const codes = new Uint16Array(...aligned(bytes, 2));
      const values = valuesOf(dtype);
      return (first, count, target) => look16(values, codes, first, count, target);
    }
    case 'F8_E4M3':
    case 'F8_E5M2':
    case 'F8_E8M0':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ': {
      const values = valuesOf(dtype);
      return (first, count, target) => look8(values, bytes, first, count, target);
    }
    case 'F6_E2M3':
    case 'F6_E3M2':
    case 'F4': {
      const values = valuesOf(dtype);
      const bits = bitsOf(dtype);
      return (first, count, target) => lookPacked(values, bits, bytes, first, count, target);
    }
    case 'I64':
    case 'I32':
    case 'I16':
    case 'I8':
    case 'U64':
    case 'U32':
    case 'U16':
    case 'U8':
    case 'BOOL':
    case 'C64':
    case 'C128':
      return integerDecoder(dtype, bytes);
  }
}

type IntegerDtype = 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL' | 'C64' | 'C128';

function integerDecoder(dtype: IntegerDtype, bytes: Uint8Array): Decoder {
  switch (dtype) {
    case 'I64':
      return copyingBig(new BigInt64Array(...aligned(bytes, 8)));
    case 'U64':
      return copyingBig(new BigUint64Array(...aligned(bytes, 8)));
    case 'I32':
      return copying(new Int32Array(...aligned(bytes, 4)));
    case 'U32':
      return copying(new Uint32Array(...aligned(bytes, 4)));
    case 'I16':
      return copying(new Int16Array(...aligned(bytes, 2)));
    case 'U16':
      return copying(new Uint16Array(...aligned(bytes, 2)));
    case 'I8':
      return copying(new Int8Array(...aligned(bytes, 1)));
    case 'U8':
      return copying(bytes);
    case 'BOOL':
      return (first, count, target) => {
        for (let i = 0; i < count; i++) target[i] = bytes[first + i] === 0 ? 0 : 1;
      };
    case 'C64':
    case 'C128':
      return (_first, count, target) => void target.fill(Number.NaN, 0, count);
  }
}

/** Constructor arguments of a typed array over the whole elements in `bytes`; a copy where a view is not possible. */
function aligned(bytes: Uint8Array, size: number): [ArrayBufferLike, number, number] {
  const length = Math.floor(bytes.length / size);
  if (bytes.byteOffset % size === 0) return [bytes.buffer, bytes.byteOffset, length];
  // Not `slice`: that of a Node Buffer is no copy.
  return [new Uint8Array(bytes).buffer, 0, length];
}

type CopiedArray =
  Float64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;

function copying(source: CopiedArray): Decoder {
  return (first, count, target) => target.set(source.subarray(first, first + count));
}

function copyingBig(source: BigInt64Array | BigUint64Array): Decoder {
  return (first, count, target) => {
    for (let i = 0; i < count; i++) target[i] = Number(source[first + i]);
  };
}

// One function per element width: a loop that sees a single kind of typed array is several times faster.

function copyFloat32(source: Float32Array, first: number, count: number, target: Float64Array): void {
  for (let i = 0; i < count; i++) target[i] = source[first + i] as number;
}

function look16(
  values: Float32Array,
  source: Uint16Array,
  first: number,
  count: number,
  target: Float64Array,
): void {
  let i = 0;
  // Four loads, then four stores: the engine checks the arrays again after every store.
  for (; i + 3 < count; i += 4) {
    const x0 = values[source[first + i] as number] as number;
    const x1 = values[source[first + i + 1] as number] as number;
    const x2 = values[source[first + i + 2] as number] as number;
    const x3 = values[source[first + i + 3] as number] as number;
    target[i] = x0;
    target[i + 1] = x1;
    target[i + 2] = x2;
    target[i + 3] = x3;
  }
  for (; i < count; i++) target[i] = values[source[first + i] as number] as number;
}

function look8(
  values: Float32Array,
  source: Uint8Array,
  first: number,
  count: number,
  target: Float64Array,
): void {
  for (let i = 0; i < count; i++) target[i] = values[source[first + i] as number] as number;
}

function lookPacked(
  values: Float32Array,
  bits: number,
  source: Uint8Array,
  first: number,
  count: number,
  target: Float64Array,
): void {
  const mask = 2 ** bits - 1;
  for (let i = 0; i < count; i++) {
    const bit = (first + i) * bits;
    // Byte by division: a bit index may exceed 2^31.
    const byte = Math.floor(bit / 8);
    const two = (source[byte] as number) | ((source[byte + 1] ?? 0) << 8);
    target[i] = values[(two >> (bit - byte * 8)) & mask] as number;
  }
}
