import type { DtypeName } from './dtype';
import type { Stored } from './stored/stored';

/**
 * Where the values of one tensor lie on disk (or in memory): little-endian, C order, contiguous. Where they lie otherwise
 * (quantised, packed, big endian, strided), `stored` says how these bytes come out. Plain data, so a worker can have it.
 */
export interface TensorSpan {
  /** Absolute path. */
  readonly path: string;
  /** Absolute byte offset in the file; with `memory` or `stored` in the bytes that these hold. */
  readonly offset: number;
  readonly bytes: number;
  readonly dtype: DtypeName;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly count: number;
  /** The bytes themselves, for a tensor that was formed and is in no file; `path` then only names it, once for all. */
  readonly memory?: SharedArrayBuffer;
  /** How the bytes come out of what is on disk, where they do not lie there as they are; `dtype` is that of what comes out. */
  readonly stored?: Stored;
}

/** Where a span's bytes lie in its file, and how the element type is called in listings. */
export function placeInFile({ offset, bytes, dtype, stored }: TensorSpan): {
  readonly offset: number;
  readonly bytes: number;
  readonly label: string;
} {
  return stored ?? { offset, bytes, label: dtype };
}

const numbers = new WeakMap<Stored, number>();
let formsSeen = 0;

/** Equal for spans over the same bytes of the same file, as far as that can be told without reading. */
export function spanKey({ path, offset, bytes, dtype, count, stored }: TensorSpan): string {
  const place = `${String(offset)} ${String(bytes)} ${dtype} ${String(count)} ${path}`;
  if (stored === undefined) return place;
  let number = numbers.get(stored);
  if (number === undefined) numbers.set(stored, (number = ++formsSeen));
  return `${String(number)}: ${place}`;
}
