import type { Cursor } from './file';

/** How the chunks of a dataset are found (specification IV.A.2.i and VII). */
export type ChunkIndex =
  | { readonly kind: 'tree' | 'implicit' | 'fixed' | 'extensible' | 'tree-2' | 'other' }
  | { readonly kind: 'single'; readonly bytes: number | null; readonly mask: number };

/** Where the elements of a dataset lie. */
export type Layout =
  | { readonly kind: 'compact'; readonly bytes: Uint8Array }
  | { readonly kind: 'contiguous'; readonly address: number }
  | {
      readonly kind: 'chunked';
      readonly index: ChunkIndex;
      readonly address: number;
      readonly chunk: readonly number[];
      /** Chunks that reach beyond the dataset went through no filter. */
      readonly plainEdges: boolean;
    };

/** Reads a data layout message (specification IV.A.2.i); `null` for virtual datasets and unknown versions. */
export function readLayout(cursor: Cursor, rank: number): Layout | null {
  const version = cursor.u8();
  if (version < 3) return oldLayout(cursor);
  if (version > 5) return null;
  switch (cursor.u8()) {
    case 0:
      return { kind: 'compact', bytes: cursor.raw(cursor.u16()) };
    case 1:
      return { kind: 'contiguous', address: cursor.addressField() };
    case 2:
      return version === 3 ? chunkedByTree(cursor, rank) : chunkedNewly(cursor, rank);
    default:
      return null;
  }
}

function chunkedByTree(cursor: Cursor, rank: number): Layout {
  expectRank(cursor, rank);
  const address = cursor.addressField();
  const chunk = Array.from({ length: rank }, () => cursor.u32());
  return { kind: 'chunked', index: { kind: 'tree' }, address, chunk, plainEdges: false };
}

const INDEXES = ['other', 'single', 'implicit', 'fixed', 'extensible', 'tree-2'] as const;
/** Bytes with which an index was made, which its own header repeats. */
const PARAMETER_BYTES = { fixed: 1, extensible: 5, 'tree-2': 6, implicit: 0, other: 0 };

function chunkedNewly(cursor: Cursor, rank: number): Layout {
  const flags = cursor.u8();
  expectRank(cursor, rank);
  const width = cursor.u8();
  const chunk = Array.from({ length: rank }, () => cursor.unsigned(width));
  cursor.skip(width);
  const kind = INDEXES[cursor.u8()] ?? 'other';
  const index = kind === 'single' ? singleChunk(cursor, (flags & 2) !== 0) : { kind };
  if (kind !== 'single') cursor.skip(PARAMETER_BYTES[kind]);
  const address = kind === 'other' ? 0 : cursor.addressField();
  return { kind: 'chunked', index, address, chunk, plainEdges: (flags & 1) !== 0 };
}

function singleChunk(cursor: Cursor, filtered: boolean): ChunkIndex {
  return filtered
    ? { kind: 'single', bytes: cursor.length(), mask: cursor.u32() }
    : { kind: 'single', bytes: null, mask: 0 };
}

function expectRank(cursor: Cursor, rank: number): void {
  if (cursor.u8() !== rank + 1) cursor.fail('has chunks of another rank than its dataset');
}

function oldLayout(cursor: Cursor): Layout | null {
  const axes = cursor.u8();
  const kind = cursor.u8();
  cursor.skip(5);
  const address = kind === 0 ? 0 : cursor.addressField();
  const sizes = Array.from({ length: axes }, () => cursor.u32());
  if (kind === 0) return { kind: 'compact', bytes: cursor.raw(cursor.u32()) };
  if (kind === 1) return { kind: 'contiguous', address };
  const chunk = sizes.slice(0, -1);
  return kind === 2 ? { kind: 'chunked', index: { kind: 'tree' }, address, chunk, plainEdges: false } : null;
}
