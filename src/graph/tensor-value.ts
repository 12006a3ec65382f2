import type * as Onnxruntime from 'onnxruntime-node';
import { decode } from '../tensor/decode';
import { bytesOfElement, dtypeOf, type ElementType } from '../format/onnx/element-types';

/** The arrays in which values of the element types are held. */
export type ValueArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor in memory: what a graph is fed with and what it gives. `float16` is held as bit patterns, `bool` as bytes. */
export interface TensorValue {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: ValueArray;
}

/** Element types that the runtime takes from and gives to JavaScript. */
const RUNTIME_TYPES: ReadonlySet<ElementType> = new Set<ElementType>([
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
]);

/** Whether values of a type can cross the border to the runtime. */
export function crossesBorder(type: ElementType): boolean {
  return RUNTIME_TYPES.has(type);
}

/** An array of the kind that holds values of a type; zeros. */
export function emptyArray(type: ElementType, count: number): ValueArray {
  switch (type) {
    case 'float32':
      return new Float32Array(count);
    case 'float64':
      return new Float64Array(count);
    case 'int8':
      return new Int8Array(count);
    case 'int16':
      return new Int16Array(count);
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(count);
    case 'int32':
      return new Int32Array(count);
    case 'uint32':
      return new Uint32Array(count);
    case 'int64':
      return new BigInt64Array(count);
    case 'uint64':
      return new BigUint64Array(count);
    case 'uint8':
    case 'bool':
    case 'string':
    case 'complex64':
    case 'complex128':
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'uint4':
    case 'int4':
    case 'float4e2m1':
    case 'float8e8m0':
    case 'uint2':
    case 'int2':
    case 'float6e2m3':
    case 'float6e3m2':
      return new Uint8Array(count);
  }
}

/** A tensor of a type from numbers, rounded to it. Only for types whose values JavaScript's arrays convert themselves. */
export function tensorValue(
  type: ElementType,
  shape: readonly number[],
  values: ArrayLike<number>,
): TensorValue {
  const data = emptyArray(type, values.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) data[i] = BigInt(Math.trunc(values[i] ?? 0));
  } else {
    data.set(values);
  }
  return { type, shape, data };
}

/** A tensor over bytes as a file has them: little-endian, C order. Copies them where they are not aligned. */
export function tensorOverBytes(type: ElementType, shape: readonly number[], bytes: Uint8Array): TensorValue {
  const width = bytesOfElement(type);
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const like = emptyArray(type, 0);
  const Kind = like.constructor as new (
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ) => ValueArray;
  const data = new Kind(aligned.buffer, aligned.byteOffset, Math.floor(bytes.length / width));
  return { type, shape, data };
}

/** The values as numbers; those of 64 bits beyond ±2^53 rounded. */
export function numbersOf(value: TensorValue): Float64Array {
  const dtype = dtypeOf(value.type);
  if (dtype === undefined) return new Float64Array(value.data.length).fill(Number.NaN);
  const { buffer, byteOffset, byteLength } = value.data;
  return decode(dtype, new Uint8Array(buffer, byteOffset, byteLength), value.data.length);
}

/** The same tensor for the runtime; nothing is copied. */
export function toRuntime(api: typeof Onnxruntime, value: TensorValue): Onnxruntime.Tensor {
  // The constructor is overloaded by type name, and this name is known only when it runs.
  const Tensor = api.Tensor as unknown as new (
    type: string,
    data: ValueArray,
    dims: readonly number[],
  ) => Onnxruntime.Tensor;
  return new Tensor(value.type, value.data, value.shape);
}

/** A tensor that the runtime gave; nothing is copied. */
export function fromRuntime(tensor: Onnxruntime.Tensor): TensorValue {
  return { type: tensor.type, shape: tensor.dims, data: tensor.data as unknown as ValueArray };
}
