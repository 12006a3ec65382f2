import { readSpan } from '../../format/read';
import { failure, success, type Result } from '../../protocol/result';
import { decode } from '../../tensor/decode';
import { refuse } from '../problems';
import { dtypeOf, type ElementType } from '../../format/onnx/element-types';
import type { OnnxTensor } from '../../format/onnx/types';

/** The bytes of a tensor, read from its file where they are not in memory. Fails as reading does. */
export async function bytesOfTensor(tensor: OnnxTensor): Promise<Result<Uint8Array>> {
  if (tensor.data.kind === 'memory') return success(tensor.data.bytes);
  const { path, offset, bytes } = tensor.data;
  return readSpan({ path, offset, bytes, dtype: 'U8', shape: [bytes], count: bytes });
}

/** The same tensor with its values in memory, in its own type. Fails with `graph-tensor-type`, or as reading does. */
export async function loadTensor(tensor: OnnxTensor): Promise<Result<OnnxTensor>> {
  if (tensor.data.kind === 'memory') return success(tensor);
  const stored = tensor.data.stored ?? tensor.type;
  if (stored === tensor.type) {
    const bytes = await bytesOfTensor(tensor);
    return bytes.ok ? success({ ...tensor, data: { kind: 'memory', bytes: bytes.value } }) : bytes;
  }
  const values = await valuesOfTensor(tensor);
  if (!values.ok) return values;
  const converted = tensorOf(tensor.name, tensor.type, tensor.shape, values.value);
  return converted === null ? refuseType(tensor, tensor.data.path) : success(converted);
}

/** All values as float64, exactly but for 64 bit integers beyond ±2^53. Fails with `graph-tensor-type`, or as reading does. */
export async function valuesOfTensor(tensor: OnnxTensor, path = ''): Promise<Result<Float64Array>> {
  const loaded = await bytesOfTensor(tensor);
  if (!loaded.ok) return failure(loaded.problem);
  const stored = tensor.data.kind === 'file' ? (tensor.data.stored ?? tensor.type) : tensor.type;
  const dtype = dtypeOf(stored);
  return dtype === undefined ? refuseType(tensor, path) : success(decode(dtype, loaded.value, tensor.count));
}

function refuseType(tensor: OnnxTensor, path: string): Result<never> {
  return refuse(
    'graph-tensor-type',
    path,
    `${path}: the values of ${tensor.name} are of type ${tensor.type}.`,
  );
}

/** The values of a tensor that is in memory; `null` where it is not, or its type is no real number. */
export function valuesInMemory(tensor: OnnxTensor): Float64Array | null {
  const dtype = dtypeOf(tensor.type);
  if (tensor.data.kind !== 'memory' || dtype === undefined) return null;
  return decode(dtype, tensor.data.bytes, tensor.count);
}

/** A tensor in memory from its values, rounded to the type. `float16`, `bfloat16` and types narrower than a byte are refused by `null`. */
export function tensorOf(
  name: string,
  type: ElementType,
  shape: readonly number[],
  values: ArrayLike<number>,
): OnnxTensor | null {
  const bytes = encode(type, values);
  if (bytes === null) return null;
  return { name, type, shape, count: values.length, data: { kind: 'memory', bytes } };
}

function encode(type: ElementType, values: ArrayLike<number>): Uint8Array | null {
  switch (type) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'float64':
      return new Uint8Array(Float64Array.from(values).buffer);
    case 'int64':
    case 'uint64':
      return new Uint8Array(
        BigInt64Array.from(Array.from(values, (value) => BigInt(Math.trunc(value)))).buffer,
      );
    case 'int32':
    case 'uint32':
      return new Uint8Array(Int32Array.from(values).buffer);
    case 'int16':
    case 'uint16':
      return new Uint8Array(Int16Array.from(values).buffer);
    case 'int8':
    case 'uint8':
      return new Uint8Array(Int8Array.from(values).buffer);
    case 'bool':
      return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
    case 'string':
    case 'float16':
    case 'bfloat16':
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
      return null;
  }
}
