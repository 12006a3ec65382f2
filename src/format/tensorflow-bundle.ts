import type { DtypeName } from '../tensor/dtype';
import { TableError, Varints } from './sorted-table';

/** What TensorFlow's `BundleEntryProto` says of a tensor (tensor_bundle.proto). */
export interface BundleEntry {
  /** A number of `DataType` (types.proto). */
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly bytes: number;
  /** Set where the tensor lies in slices, under keys of their own. */
  readonly slices: readonly Slice[];
}

/** First element and length by axis; −1 as a length is the whole axis. */
export type Slice = readonly { readonly start: number; readonly length: number }[];

/** Element types by TensorFlow's numbers; others (text, resources) are no tensors here. */
export const BUNDLE_DTYPES: Readonly<Record<number, DtypeName>> = {
  1: 'F32',
  2: 'F64',
  3: 'I32',
  4: 'U8',
  5: 'I16',
  6: 'I8',
  8: 'C64',
  9: 'I64',
  10: 'BOOL',
  14: 'BF16',
  17: 'U16',
  18: 'C128',
  19: 'F16',
  22: 'U32',
  23: 'U64',
  24: 'F8_E5M2',
  25: 'F8_E4M3',
};

const MOST_AXES = 254;

type Field = readonly [number: number, value: number | Uint8Array];

/** The fields of a message of protocol buffers: numbers, and bytes of everything that has a length. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const cursor = new Varints(bytes, 0);
  while (cursor.left > 0) {
    const tag = cursor.next();
    const [number, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === 0) yield [number, cursor.next()];
    else if (kind === 2) yield [number, cursor.raw(cursor.next())];
    else if (kind === 1 || kind === 5) cursor.raw(kind === 1 ? 8 : 4);
    else throw new TableError('has a record that is none of protocol buffers', 0);
  }
}

/** Reads a `BundleEntryProto`. Throws {@link TableError}. */
export function readBundleEntry(bytes: Uint8Array): BundleEntry {
  const entry = { dtype: 0, shape: [] as number[], shard: 0, offset: 0, bytes: 0, slices: [] as Slice[] };
  for (const [field, value] of fieldsOf(bytes)) {
    if (typeof value === 'number') {
      if (field === 1) entry.dtype = value;
      else if (field === 3) entry.shard = value;
      else if (field === 4) entry.offset = value;
      else if (field === 5) entry.bytes = value;
    } else if (field === 2) entry.shape = shapeOf(value);
    else if (field === 7) entry.slices.push(sliceOf(value));
  }
  return entry;
}

function shapeOf(bytes: Uint8Array): number[] {
  const shape: number[] = [];
  for (const [field, value] of fieldsOf(bytes)) {
    if (field !== 2 || typeof value === 'number') continue;
    let size = 0;
    for (const [inner, length] of fieldsOf(value))
      if (inner === 1 && typeof length === 'number') size = length;
    shape.push(size);
    if (shape.length > MOST_AXES) throw new TableError('has a tensor of more axes than there can be', 0);
  }
  return shape;
}

function sliceOf(bytes: Uint8Array): Slice {
  const slice: { start: number; length: number }[] = [];
  for (const [field, value] of fieldsOf(bytes)) {
    if (field !== 1 || typeof value === 'number') continue;
    const extent = { start: 0, length: -1 };
    for (const [inner, number] of fieldsOf(value)) {
      if (typeof number !== 'number') continue;
      if (inner === 1) extent.start = number;
      if (inner === 2) extent.length = number;
    }
    slice.push(extent);
  }
  return slice;
}

/** `BundleHeaderProto`: how many data files there are, and whether their numbers are big endian. */
export function readBundleHeader(bytes: Uint8Array): {
  readonly shards: number;
  readonly bigEndian: boolean;
} {
  let [shards, order] = [1, 0];
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1 && typeof value === 'number') shards = value;
    if (field === 2 && typeof value === 'number') order = value;
  }
  return { shards, bigEndian: order === 1 };
}

/** Keys of slices begin with a zero byte, those of tensors with their name. */
export function isSliceKey(key: string): boolean {
  return key.startsWith('\0');
}

/**
 * The key under which a slice of a tensor is (saved_tensor_slice_util, ordered_code): zero, the name, how many axes, then
 * start and length of every axis, all as bytes that sort as what they stand for.
 */
export function sliceKey(name: string, slice: Slice): string {
  const escaped = name.replaceAll('\xff', '\xff\0').replaceAll('\0', '\0\xff');
  const count = slice.length === 0 ? '\0' : `\x01${String.fromCharCode(slice.length)}`;
  const extents = slice.map(({ start, length }) => orderedNumber(start) + orderedNumber(length)).join('');
  return `\0${escaped}\0\x01${count}${extents}`;
}

/** A signed number: as many leading ones as bytes, a zero, then its bits; all inverted for negative ones. */
function orderedNumber(value: number): string {
  const size = BigInt(value < 0 ? -value - 1 : value);
  let bytes = 1;
  while (bytes < 8 && size >= 1n << BigInt(7 * bytes - 1)) bytes++;
  const ones = ((1n << BigInt(bytes)) - 1n) << BigInt(8 * bytes - bytes);
  let bits = ones | size;
  if (value < 0) bits ^= (1n << BigInt(8 * bytes)) - 1n;
  const digits = bits.toString(16).padStart(2 * bytes, '0');
  return digits.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
}
