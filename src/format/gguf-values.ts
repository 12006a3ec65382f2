import type { GgufCursor } from './gguf-cursor';

/** A value of the metadata. Of an array only the first elements are kept. */
export type GgufValue = string | number | bigint | boolean | GgufArray;

/** The first elements of an array, and how many it has. */
export interface GgufArray {
  readonly length: number;
  readonly kind: string;
  readonly first: readonly GgufValue[];
}

/** So many bytes of a text are kept, and so many elements of an array. */
const LONGEST_TEXT = 4096;
const LONGEST_ELEMENT = 64;
const MOST_KEPT = 8;
/** Arrays in arrays. llama.cpp knows none; the format allows them. */
const DEEPEST = 4;

interface ValueKind {
  readonly title: string;
  /** Bytes of one; 0 where that depends on it. */
  readonly bytes: number;
  readonly read: (view: DataView, little: boolean) => GgufValue;
}

const never = (): GgufValue => 0;
const TEXT = 8;
const ARRAY = 9;

/** `gguf_metadata_value_type` of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, by number. */
const KINDS: readonly ValueKind[] = [
  { title: 'u8', bytes: 1, read: (view) => view.getUint8(0) },
  { title: 'i8', bytes: 1, read: (view) => view.getInt8(0) },
  { title: 'u16', bytes: 2, read: (view, little) => view.getUint16(0, little) },
  { title: 'i16', bytes: 2, read: (view, little) => view.getInt16(0, little) },
  { title: 'u32', bytes: 4, read: (view, little) => view.getUint32(0, little) },
  { title: 'i32', bytes: 4, read: (view, little) => view.getInt32(0, little) },
  { title: 'f32', bytes: 4, read: (view, little) => shortest(view.getFloat32(0, little)) },
  { title: 'bool', bytes: 1, read: (view) => view.getUint8(0) !== 0 },
  { title: 'string', bytes: 0, read: never },
  { title: 'array', bytes: 0, read: never },
  { title: 'u64', bytes: 8, read: (view, little) => view.getBigUint64(0, little) },
  { title: 'i64', bytes: 8, read: (view, little) => view.getBigInt64(0, little) },
  { title: 'f64', bytes: 8, read: (view, little) => view.getFloat64(0, little) },
];

/** The number with the fewest digits that is the same in single precision: 0.1, not 0.10000000149011612. */
function shortest(single: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return single;
}

/** Reads a type and a value of it. What is wrong stops the cursor. */
export function readValue(cursor: GgufCursor, key: string): GgufValue {
  const place = cursor.position;
  const kind = cursor.u32(`the type of ${key}`);
  return valueOf(cursor, kind, key, place, LONGEST_TEXT, 0);
}

function valueOf(
  cursor: GgufCursor,
  number: number,
  key: string,
  place: number,
  longest: number,
  depth: number,
): GgufValue {
  if (cursor.stop !== null) return 0;
  const kind = KINDS[number];
  if (kind === undefined) {
    cursor.refuse(
      'gguf-malformed',
      `gives ${key} the unknown type ${String(number)} (byte ${String(place)})`,
      place,
    );
    return 0;
  }
  if (number === TEXT) return cursor.text(key, longest);
  if (number === ARRAY) return arrayOf(cursor, key, depth);
  const view = cursor.part(kind.bytes, key);
  return view === null ? 0 : kind.read(view, !cursor.numbers.bigEndian);
}

function arrayOf(cursor: GgufCursor, key: string, depth: number): GgufValue {
  const place = cursor.position;
  if (depth >= DEEPEST) {
    cursor.refuse(
      'gguf-malformed',
      `nests arrays in ${key} more than ${String(DEEPEST)} deep (byte ${String(place)})`,
    );
    return 0;
  }
  const number = cursor.u32(`the element type of ${key}`);
  const length = cursor.length(`the length of ${key}`);
  const kind = KINDS[number];
  const array = { length, kind: kind?.title ?? '', first: [] as GgufValue[] };
  if (kind === undefined && length === 0) return array;
  const kept = Math.min(length, MOST_KEPT);
  for (let i = 0; i < kept && cursor.stop === null; i++) {
    array.first.push(valueOf(cursor, number, key, place, LONGEST_ELEMENT, depth + 1));
  }
  if (kind !== undefined && kind.bytes > 0) {
    // Steps over all of them at once; a length beyond the file is found here.
    cursor.take((length - kept) * kind.bytes, key);
    return array;
  }
  for (let i = kept; i < length && cursor.stop === null; i++) {
    if (number === TEXT) cursor.skipText(key);
    else arrayOf(cursor, key, depth + 1);
  }
  return array;
}

/** The value as text for the metadata of a checkpoint: `["<s>", "</s>", …] (32000 strings)`. */
export function valueText(value: GgufValue): string {
  if (typeof value !== 'object') return String(value);
  const shown = value.first.map((each) =>
    typeof each === 'string' ? JSON.stringify(each) : valueText(each),
  );
  if (value.length <= value.first.length) return `[${shown.join(', ')}]`;
  return `[${shown.join(', ')}, …] (${String(value.length)} ${value.kind === 'string' ? 'strings' : value.kind})`;
}
