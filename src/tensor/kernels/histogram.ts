import { decoder, type Decoder } from '../decode';
import type { BinCounts, PassItem } from '../pass';
import { BLOCK, type ChunkData, type Kernel } from './kernel';

type HistogramItem = Extract<PassItem, { kind: 'histogram' }>;

/**
 * Counts between ascending edges: bin k holds edge k ≤ x < edge k+1, the last bin its upper edge too, as in
 * `numpy.histogram`. Values outside, NaN and ±Inf are not counted. Fewer than two edges make no bins.
 */
export const histogram: Kernel<HistogramItem, BinCounts> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    const bins = binsBetween(item.edges);
    return (chunk) => countChunk(chunk, block, bins, decoder(item.span.dtype, chunk.bytes[0] ?? EMPTY));
  },
  merge: (before, after) => ({
    kind: 'bins',
    counts: before.counts.map((count, bin) => count + (after.counts[bin] ?? 0)),
  }),
};

const EMPTY = new Uint8Array(0);

/** Edges, and what finds a bin without a search where the edges are evenly spaced. */
export interface Bins {
  readonly edges: Float64Array;
  /** Bins per unit; `null` where the edges are not evenly spaced. */
  readonly perUnit: number | null;
}

/** Prepares ascending edges for counting. */
export function binsBetween(edges: Float64Array): Bins {
  const low = edges[0] ?? 0;
  const count = edges.length - 1;
  const width = ((edges[count] ?? 0) - low) / count;
  // A guess that is one bin off is put right while counting, so half a width is close enough.
  const even = edges.every((edge, k) => Math.abs(edge - (low + k * width)) <= width / 2);
  return { edges, perUnit: width > 0 && Number.isFinite(1 / width) && even ? 1 / width : null };
}

/** Counts of a chunk whose values `decode` delivers, a block at a time, by their index within the chunk. */
export function countChunk(chunk: ChunkData, block: Float64Array, bins: Bins, decode: Decoder): BinCounts {
  const counts = new Float64Array(Math.max(0, bins.edges.length - 1));
  const length = counts.length === 0 ? 0 : chunk.end - chunk.start;
  for (let first = 0; first < length; first += BLOCK) {
    const count = Math.min(BLOCK, length - first);
    decode(first, count, block);
    countBlock(block, count, bins, counts);
  }
  return { kind: 'bins', counts };
}

function countBlock(block: Float64Array, count: number, bins: Bins, counts: Float64Array): void {
  const { edges, perUnit } = bins;
  const last = counts.length - 1;
  const low = edges[0] as number;
  const high = edges[last + 1] as number;
  for (let i = 0; i < count; i++) {
    const x = block[i] as number;
    // Written so that NaN fails it too.
    if (!(x >= low && x <= high && Number.isFinite(x))) continue;
    let bin = perUnit === null ? lastEdgeUpTo(x, edges) : Math.floor((x - low) * perUnit);
    if (bin > last) bin = last;
    while (bin > 0 && x < (edges[bin] as number)) bin--;
    while (bin < last && x >= (edges[bin + 1] as number)) bin++;
    counts[bin] = (counts[bin] as number) + 1;
  }
}

/** The highest k with edge k ≤ x; edge 0 is known to be. */
function lastEdgeUpTo(x: number, edges: Float64Array): number {
  let low = 0;
  let beyond = edges.length;
  while (beyond - low > 1) {
    const middle = (low + beyond) >> 1;
    if ((edges[middle] as number) <= x) low = middle;
    else beyond = middle;
  }
  return low;
}
