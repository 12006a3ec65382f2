import type { DtypeName } from '../../tensor/dtype';
import type { Cursor } from './file';

/** What elements are: numbers, text, or something that is no tensor. */
export type Hdf5Type =
  | { readonly kind: 'number'; readonly size: number; readonly dtype: DtypeName; readonly bigEndian: boolean }
  | { readonly kind: 'text' | 'variable-text' | 'opaque' | 'other'; readonly size: number };

const CLASS = { fixed: 0, float: 1, text: 3, opaque: 5, compound: 6, enumeration: 8, variable: 9 };
const SIGNED: Readonly<Record<number, DtypeName>> = { 1: 'I8', 2: 'I16', 4: 'I32', 8: 'I64' };
const UNSIGNED: Readonly<Record<number, DtypeName>> = { 1: 'U8', 2: 'U16', 4: 'U32', 8: 'U64' };

/** Reads a datatype message (specification IV.A.2.d). */
export function readDatatype(cursor: Cursor): Hdf5Type {
  const kind = cursor.u8() & 0x0f;
  const bits = cursor.unsigned(3);
  const size = cursor.u32();
  const bigEndian = (bits & 1) !== 0;
  switch (kind) {
    case CLASS.fixed: {
      const dtype = ((bits & 8) === 0 ? UNSIGNED : SIGNED)[size];
      return dtype === undefined ? { kind: 'other', size } : { kind: 'number', size, dtype, bigEndian };
    }
    case CLASS.float: {
      const dtype = floatOf(cursor, size);
      return dtype === null ? { kind: 'other', size } : { kind: 'number', size, dtype, bigEndian };
    }
    case CLASS.text:
      return { kind: 'text', size };
    case CLASS.opaque:
      return { kind: 'opaque', size };
    case CLASS.enumeration:
      // h5py's booleans: FALSE and TRUE over one byte.
      return size === 1 && (bits & 0xffff) === 2
        ? { kind: 'number', size, dtype: 'BOOL', bigEndian: false }
        : { kind: 'other', size };
    case CLASS.variable:
      return (bits & 0x0f) === 1 ? { kind: 'variable-text', size } : { kind: 'other', size };
    case CLASS.compound:
      return complexOf(cursor, bits & 0xffff, size);
    default:
      return { kind: 'other', size };
  }
}

/** By size and by the widths of exponent and mantissa. */
function floatOf(cursor: Cursor, size: number): DtypeName | null {
  cursor.skip(5);
  const exponent = cursor.u8();
  cursor.skip(1);
  const mantissa = cursor.u8();
  const shape = `${String(size)} ${String(exponent)} ${String(mantissa)}`;
  switch (shape) {
    case '8 11 52':
      return 'F64';
    case '4 8 23':
      return 'F32';
    case '2 5 10':
      return 'F16';
    case '2 8 7':
      return 'BF16';
    default:
      return null;
  }
}

/** h5py's complex64 and complex128: members r and i, floats both. */
function complexOf(cursor: Cursor, members: number, size: number): Hdf5Type {
  if (members !== 2 || (size !== 8 && size !== 16)) return { kind: 'other', size };
  const head = Buffer.from(cursor.bytes.subarray(cursor.position, cursor.position + 2)).toString('latin1');
  const dtype = size === 8 ? 'C64' : 'C128';
  return head === 'r\0' ? { kind: 'number', size, dtype, bigEndian: false } : { kind: 'other', size };
}

/** Lengths of all axes, and those to which they may grow (`Infinity`: without a limit). */
export interface Dataspace {
  readonly shape: readonly number[];
  readonly most: readonly number[];
}

/** Reads a dataspace message (specification IV.A.2.b); no axes for one element, `null` for a null dataspace. */
export function readDataspace(cursor: Cursor): Dataspace | null {
  const version = cursor.u8();
  const rank = cursor.u8();
  const flags = cursor.u8();
  const type = cursor.u8();
  if (version === 1) cursor.skip(4);
  else if (version !== 2) cursor.fail('has a dataspace of an unknown version');
  else if (type === 2) return null;
  const shape = Array.from({ length: rank }, () => cursor.length());
  return { shape, most: (flags & 1) === 0 ? shape : shape.map(() => cursor.length()) };
}
