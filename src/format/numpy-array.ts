import { bitsOf } from '../tensor/decode';
import { bytesInOrder } from '../tensor/dtype';
import type { TensorSpan } from '../tensor/span';
import type { InflatedStore } from '../tensor/stored/stored';
import type { NpyHeader } from './npy-header';

/** Where an array begins, header included: in its file, or in an entry that is packed. */
export interface ArrayPlace {
  readonly path: string;
  readonly offset: number;
  readonly packed?: InflatedStore;
}

/**
 * The span of an array's values. Big-endian, Fortran-ordered and packed ones are of a stored form. `null` where the header says
 * that they cannot be read.
 */
export function arraySpan(header: NpyHeader, { path, offset, packed }: ArrayPlace): TensorSpan | null {
  const { dtype, shape, count, dataStart, dataBytes, bigEndian, firstFastest } = header;
  if (dtype === null) return null;
  const span = { path, offset: offset + dataStart, bytes: dataBytes, dtype, shape, count };
  if (dataBytes === 0) return span;
  const lying: TensorSpan = packed === undefined ? span : { ...span, stored: packed };
  const size = bitsOf(dtype) / 8;
  const unit = bytesInOrder(dtype);
  const isTurned = bigEndian && unit > 1;
  const isSpread = firstFastest && shape.filter((length) => length > 1).length > 1;
  const onDisk = packed ?? { offset: span.offset, bytes: span.bytes };
  const notes = [
    ...(isTurned ? ['big endian'] : []),
    ...(isSpread ? ['Fortran order'] : []),
    ...(packed === undefined ? [] : ['deflated']),
  ];
  const place = {
    label: `${dtype} (${notes.join(', ')})`,
    offset: onDisk.offset,
    bytes: onDisk.bytes,
  };
  const turned: TensorSpan = isTurned
    ? { ...span, offset: 0, stored: { ...place, kind: 'swapped', size: unit, source: lying } }
    : lying;
  if (!isSpread) return turned;
  const strides = fortranStrides(shape);
  const stored = { ...place, kind: 'strided', size, shape, strides, start: 0, source: turned } as const;
  return { ...span, offset: 0, stored };
}

/** Elements between neighbours along each axis where the first varies fastest. */
function fortranStrides(shape: readonly number[]): readonly number[] {
  const strides: number[] = [];
  let step = 1;
  for (const length of shape) {
    strides.push(step);
    step *= length;
  }
  return strides;
}
