import { bitsOf, bytesFor } from './decode';
import { rowLengthOf } from './kernels/low-rank-rows';
import type { PassItem } from './pass';
import type { TensorSpan } from './span';

/** A run of elements of one item: what a worker reads and reduces in one go. */
export interface Chunk {
  /** Position of the item in its pass. */
  readonly item: number;
  /** Flat index of the first element, and of the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Bytes to read, over all spans of the item. */
  readonly bytes: number;
}

/** How much a worker takes at a time. */
export interface ChunkLimits {
  /** Bytes of one span in one chunk, and of all spans of an item in one chunk. */
  readonly spanBytes: number;
  readonly itemBytes: number;
}

/** Measured best: large enough that reading costs little per call, small enough to stay in the processor's cache. */
export const CHUNK_LIMITS: ChunkLimits = { spanBytes: 2 ** 20, itemBytes: 2 ** 22 };

/** What is read for an item, in the order its kernel expects. A low-rank delta's own moments need no bytes. */
export function spansOf(item: PassItem): readonly TensorSpan[] {
  switch (item.kind) {
    case 'moments':
    case 'histogram':
      return [item.span];
    case 'group':
      return [item.base, ...item.tasks.flatMap((task) => (task.kind === 'dense' ? [task.span] : []))];
    case 'deltaMoments':
    case 'deltaHistogram':
      return item.task.kind === 'dense' ? [item.base, item.task.span] : [];
  }
}

/** Elements of the tensor that an item is about. */
export function countOf(item: PassItem): number {
  return item.kind === 'moments' || item.kind === 'histogram' ? item.span.count : item.base.count;
}

/**
 * Splits the items of a pass into portions, each a run of chunks to be worked off together: large tensors into several
 * chunks, many small tensors into one portion. Depends on nothing but its arguments, so that every thread comes to the
 * same plan, and results do not depend on the number of threads. Every item has a chunk, be it empty.
 */
export function planPortions(
  items: readonly PassItem[],
  limits = CHUNK_LIMITS,
): readonly (readonly Chunk[])[] {
  const portions: Chunk[][] = [];
  let open: Chunk[] = [];
  let weight = 0;
  for (const [index, item] of items.entries()) {
    for (const chunk of chunksOf(item, index, limits)) {
      open.push(chunk);
      weight += chunk.bytes + WEIGHT_OF_A_CHUNK;
      if (weight < limits.spanBytes) continue;
      portions.push(open);
      open = [];
      weight = 0;
    }
  }
  if (open.length > 0) portions.push(open);
  return portions;
}

/** What opening and reading costs beside the bytes themselves, in bytes: a portion of tiny tensors stays short too. */
const WEIGHT_OF_A_CHUNK = 4096;

function chunksOf(item: PassItem, index: number, limits: ChunkLimits): readonly Chunk[] {
  const spans = spansOf(item);
  const count = countOf(item);
  const length = chunkLength(item, limits);
  const chunks: Chunk[] = [];
  for (let start = 0; start === 0 || start < count; start += length) {
    const end = Math.min(count, start + length);
    const bytes = spans.reduce((sum, span) => sum + byteRange(span, start, end).length, 0);
    chunks.push({ item: index, start, end, bytes });
  }
  return chunks;
}

/** Elements per chunk: a multiple of eight, so that packed types split at a byte, or of the row length. */
function chunkLength(item: PassItem, limits: ChunkLimits): number {
  const spans = spansOf(item);
  const share = Math.min(limits.spanBytes, limits.itemBytes / Math.max(1, spans.length));
  const widest = Math.max(8, ...spans.map((span) => bitsOf(span.dtype)));
  const room = Math.floor((share * 8) / widest);
  const row = item.kind === 'group' ? rowLengthOf(item) : null;
  const unit = row ?? 8;
  return Math.max(1, Math.floor(room / unit)) * unit;
}

/** Where elements `start … end − 1` of a span lie, relative to its first byte. */
export function byteRange(span: TensorSpan, start: number, end: number): { offset: number; length: number } {
  const offset = bytesFor(span.dtype, start);
  return { offset, length: bytesFor(span.dtype, end) - offset };
}
