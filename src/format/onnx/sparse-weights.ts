import { bitsOf } from '../../tensor/decode';
import type { TensorSpan } from '../../tensor/span';
import { spanOf, transposed } from '../packed/layout';
import { dtypeOf } from './element-types';
import { heldSpan } from './held-span';
import type { OnnxSparse } from './types';

/** A sparse tensor is read dense where it then has at most so many bytes. */
const MOST_DENSE = 2 ** 26;

/**
 * A sparse initializer as the dense tensor that it stands for (SparseTensorProto of onnx.proto3): n values, and their places as
 * [n] numbers in C order or as [n, axes] indices. `null` where it has no plain values, does not fit, or would be too large.
 */
export function sparseWeight({ values, indices, shape }: OnnxSparse, path: string): TensorSpan | null {
  const dtype = dtypeOf(values.type);
  if (dtype === undefined || bitsOf(dtype) % 8 !== 0 || indices?.type !== 'int64') return null;
  const blocks = shape.reduce((product, length) => product * length, 1);
  const blockBytes = bitsOf(dtype) / 8;
  const axes = indices.shape.length === 1 ? 1 : (indices.shape[1] ?? 0);
  const fits =
    values.shape.length === 1 &&
    indices.shape.length <= 2 &&
    indices.shape[0] === values.count &&
    (indices.shape.length === 1 || axes === shape.length);
  if (!fits || shape.some((length) => length < 0) || !(blocks * blockBytes <= MOST_DENSE)) return null;
  const [held, places] = [heldSpan(values, dtype, path), heldSpan(indices, 'I64', path)];
  return spanOf(dtype, shape, `${dtype} (sparse)`, [{ name: '', span: held }], {
    kind: 'scattered',
    blockBytes,
    blocks,
    lengths: axes === 1 ? [blocks] : shape,
    count: values.count,
    values: held,
    // What is scattered has the indices of each axis one after the other.
    places: { kind: 'coordinates', indices: axes === 1 ? places : transposed(places, 'I64') },
  });
}
