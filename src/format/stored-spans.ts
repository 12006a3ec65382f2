import { bitsOf } from '../tensor/decode';
import { bytesInOrder, type DtypeName } from '../tensor/dtype';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { Stored } from '../tensor/stored/stored';

/** Whether strides (in elements) are those of C order; axes of length 1 may have any. */
export function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return false;
    step *= shape[axis] ?? 1;
  }
  return true;
}

/** All that comes out of a form of storage, as a tensor. */
export function spanOver(
  stored: Stored,
  path: string,
  dtype: DtypeName,
  shape: readonly number[],
): TensorSpan {
  const count = shape.reduce((product, length) => product * length, 1);
  return { path, offset: 0, bytes: (count * bitsOf(dtype)) / 8, dtype, shape, count, stored };
}

/** A tensor whose elements are big endian; the same span where an element is a byte. */
export function swappedSpan(source: TensorSpan): TensorSpan {
  const size = bytesInOrder(source.dtype);
  if (size <= 1 || source.count === 0) return source;
  const place = { ...placeInFile(source), label: `${source.dtype} (big endian)` };
  return spanOver({ ...place, kind: 'swapped', size, source }, source.path, source.dtype, source.shape);
}

/** A view with strides (in elements) whose first element is the first of `source`. */
export function stridedSpan(
  source: TensorSpan,
  shape: readonly number[],
  strides: readonly number[],
): TensorSpan {
  const size = bitsOf(source.dtype) / 8;
  return spanOver(
    { ...placeInFile(source), kind: 'strided', size, shape, strides, start: 0, source },
    source.path,
    source.dtype,
    shape,
  );
}
