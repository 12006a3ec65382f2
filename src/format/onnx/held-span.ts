import type { DtypeName } from '../../tensor/dtype';
import type { TensorSpan } from '../../tensor/span';
import type { OnnxTensor } from './types';

/** Where the values of a tensor of the model at `path` lie; those that the model stores number by number are decoded already. */
export function heldSpan({ shape, count, data }: OnnxTensor, dtype: DtypeName, path: string): TensorSpan {
  if (data.kind === 'file') {
    return { path: data.path, offset: data.offset, bytes: data.bytes, dtype, shape, count };
  }
  const span = { path, offset: 0, bytes: data.bytes.length, dtype, shape, count };
  if (data.bytes.length === 0) return span;
  const memory = new SharedArrayBuffer(data.bytes.length);
  new Uint8Array(memory).set(data.bytes);
  return { ...span, memory };
}

/** {@link heldSpan} as bytes, for elements that share one. */
export function heldBytes(tensor: OnnxTensor, path: string): TensorSpan {
  const { data } = tensor;
  const count = data.kind === 'file' ? data.bytes : data.bytes.length;
  return heldSpan({ ...tensor, shape: [count], count }, 'U8', path);
}
