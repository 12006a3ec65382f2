import { placeInFile, type TensorSpan } from '../../tensor/span';
import { spanOver } from '../stored-spans';
import type { Hdf5Chunk } from './chunks';
import type { Cursor } from './file';

/** Bytes of the file as a tensor of bytes: where an address lies in what is really on disk. */
export type PlaceBytes = (address: number, bytes: number) => TensorSpan;

/** One filter that chunks went through when they were written, in this order. */
export type Hdf5Filter = 'deflate' | 'shuffle' | 'checksum' | 'other';

const FILTERS: Readonly<Record<number, Hdf5Filter>> = { 1: 'deflate', 2: 'shuffle', 3: 'checksum' };

/** Reads a filter pipeline message (specification IV.A.2.l). */
export function readFilters(cursor: Cursor): readonly Hdf5Filter[] {
  const version = cursor.u8();
  const count = cursor.u8();
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, () => {
    const id = cursor.u16();
    const nameBytes = version === 1 || id >= 256 ? cursor.u16() : 0;
    cursor.u16();
    const values = cursor.u16();
    cursor.skip(version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes);
    cursor.skip(4 * (values + (version === 1 ? values % 2 : 0)));
    return FILTERS[id] ?? 'other';
  });
}

/**
 * A chunk as it was before its filters: from the last to the first, each undone. Elements have `size` bytes, the chunk `whole`.
 * `null` where the sizes contradict each other.
 */
export function unfiltered(
  chunk: Hdf5Chunk,
  pipeline: readonly Hdf5Filter[],
  size: number,
  whole: number,
  place: PlaceBytes,
): TensorSpan | null {
  const applied = pipeline.filter((_, i) => (chunk.mask & (1 << i)) === 0);
  let span = place(chunk.address, chunk.bytes);
  for (let i = applied.length - 1; i >= 0; i--) {
    const at = { ...placeInFile(span), label: 'U8' };
    if (applied[i] === 'checksum') {
      if (span.bytes < 4) return null;
      span = { ...span, bytes: span.bytes - 4, count: span.bytes - 4, shape: [span.bytes - 4] };
    } else if (applied[i] === 'deflate') {
      // Checksums that were written before it are packed, too.
      const length = whole + 4 * applied.slice(0, i).filter((filter) => filter === 'checksum').length;
      const inflated = { ...at, kind: 'inflated', form: 'zlib', length, source: span } as const;
      span = spanOver(inflated, span.path, 'U8', [length]);
    } else if (size > 1) {
      span = spanOver({ ...at, kind: 'shuffled', size, source: span }, span.path, 'U8', [span.bytes]);
    }
  }
  return span.bytes === whole ? span : null;
}
