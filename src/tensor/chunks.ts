import { bitsOf, bytesFor } from './decode';
import { rowLengthOf } from './kernels/low-rank-rows';
import { spansOfMatrix } from './matrix-source';
import type { PassItem } from './pass';
import type { TensorSpan } from './span';

/** A run of elements of one item: what a worker reads and reduces in one go. */
export interface Chunk {
  /** Position of the item in its pass. */
  readonly item: number;
  /** Counts through the chunks of the whole pass. */
  readonly number: number;
  /** Flat index of the first element, and of the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Bytes to read, over all spans of the item. */
  readonly bytes: number;
}

/** How the items of a pass are cut: computed when asked for, so a plan is no larger for larger tensors. */
export interface PassPlan {
  /** Number of chunks, and of the portions in which workers take them. */
  readonly chunks: number;
  readonly portions: number;
  /** Bytes to read, over all chunks. */
  readonly bytes: number;
  /** The chunks of portion `index`, in order; `null` where there is no such portion. */
  portion(index: number): readonly Chunk[] | null;
  /** Numbers of the first chunk of an item, and of the one after its last. */
  chunksOf(item: number): { readonly first: number; readonly end: number };
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
    case 'axisSquares':
      return [item.span];
    case 'group':
    case 'signs':
    case 'masks':
    case 'rowProducts':
      return [item.base, ...item.tasks.flatMap((task) => (task.kind === 'dense' ? [task.span] : []))];
    case 'deltaMoments':
    case 'deltaHistogram':
    case 'magnitudes':
    case 'magnitudeValues':
    case 'rowBands':
      return item.task.kind === 'dense' ? [item.base, item.task.span] : [];
    case 'matrix':
      return spansOfMatrix(item.source, item.operation);
    case 'fused':
      return item.spans;
  }
}

/** Elements of the tensor that an item is about. */
export function countOf(item: PassItem): number {
  if (item.kind === 'matrix') return item.source.rows * item.source.columns;
  if (item.kind === 'fused') return item.spans[0]?.count ?? 0;
  return 'span' in item ? item.span.count : item.base.count;
}

/**
 * Splits the items of a pass into portions, each a run of chunks to be worked off together: large tensors into several
 * chunks, many small tensors into one portion. Depends on nothing but its arguments, so that every thread comes to the
 * same plan, and results do not depend on the number of threads. Every item has a chunk, be it empty.
 */
export function planPass(items: readonly PassItem[], limits = CHUNK_LIMITS): PassPlan {
  let chunks = 0;
  const cuts = items.map((item, index): Cut => {
    const cut = cutOf(item, index, chunks, limits);
    chunks += cut.chunks;
    return cut;
  });
  const stretches = stretchesOf(cuts, limits.spanBytes);
  const last = stretches.at(-1);
  return {
    chunks,
    portions: last === undefined ? 0 : last.firstPortion + portionsOf(last),
    bytes: cuts.reduce((sum, cut) => sum + bytesBetween(cut, 0, cut.count), 0),
    portion(index) {
      const stretch = stretches[lastAtMost(stretches, index)];
      if (stretch === undefined || index >= stretch.firstPortion + portionsOf(stretch)) return null;
      const nth = index - stretch.firstPortion;
      // Not a product with Infinity: 0 · ∞ is no number.
      const first = nth === 0 ? 0 : nth * stretch.chunksPerPortion;
      return stretch.cuts.flatMap((cut) => chunksBetween(cut, first, first + stretch.chunksPerPortion));
    },
    chunksOf(item) {
      const cut = cuts[item];
      return cut === undefined
        ? { first: chunks, end: chunks }
        : { first: cut.firstChunk, end: cut.firstChunk + cut.chunks };
    },
  };
}

/** How one item is cut. */
interface Cut {
  readonly item: number;
  readonly spans: readonly TensorSpan[];
  /** Elements, in all and in each chunk but the last. */
  readonly count: number;
  readonly length: number;
  readonly chunks: number;
  readonly firstChunk: number;
  /** What a chunk costs beside its bytes. */
  readonly chunkWeight: number;
}

/** A run of portions: those of one large item, or a single one of several small items. */
interface Stretch {
  readonly firstPortion: number;
  readonly cuts: readonly Cut[];
  readonly chunksPerPortion: number;
}

/** What opening and reading costs beside the bytes themselves, in bytes: a portion of tiny tensors stays short too. */
const WEIGHT_OF_A_CHUNK = 4096;
/** All pairs of many factors take seconds. */
const WEIGHT_OF_PAIRS = 2 ** 20;
/** A matrix takes far longer than its bytes take to read, and factors have none: a few of them are a portion. */
const WEIGHT_OF_A_MATRIX = 2 ** 18;

function cutOf(item: PassItem, index: number, firstChunk: number, limits: ChunkLimits): Cut {
  const count = countOf(item);
  const length = chunkLength(item, limits);
  const chunks = Math.max(1, Math.ceil(count / length));
  const chunkWeight = chunkWeightOf(item);
  return { item: index, spans: spansOf(item), count, length, chunks, firstChunk, chunkWeight };
}

function chunkWeightOf(item: PassItem): number {
  if (item.kind !== 'matrix') return WEIGHT_OF_A_CHUNK;
  return item.operation.kind === 'factorPairs' ? WEIGHT_OF_PAIRS : WEIGHT_OF_A_MATRIX;
}

/** Puts neighbouring small items together until they weigh as much as a portion may. */
function stretchesOf(cuts: readonly Cut[], limit: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let firstPortion = 0;
  const add = (together: readonly Cut[], chunksPerPortion: number) => {
    if (together.length === 0) return;
    const stretch = { firstPortion, cuts: together, chunksPerPortion };
    stretches.push(stretch);
    firstPortion += portionsOf(stretch);
  };
  let open: Cut[] = [];
  let weight = 0;
  for (const cut of cuts) {
    const own = weightOf(cut);
    if (own < limit) open.push(cut);
    weight += own;
    if (weight < limit) continue;
    add(open, Infinity);
    if (own >= limit) add([cut], Math.max(1, Math.ceil((limit * cut.chunks) / own)));
    open = [];
    weight = 0;
  }
  add(open, Infinity);
  return stretches;
}

function weightOf(cut: Cut): number {
  return bytesBetween(cut, 0, cut.count) + cut.chunks * cut.chunkWeight;
}

function portionsOf({ cuts, chunksPerPortion }: Stretch): number {
  return chunksPerPortion === Infinity ? 1 : Math.ceil((cuts[0]?.chunks ?? 0) / chunksPerPortion);
}

/** Position of the last stretch that begins at or before a portion; −1 where there is none. */
function lastAtMost(stretches: readonly Stretch[], portion: number): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((stretches[middle]?.firstPortion ?? 0) <= portion) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Chunks `first … end − 1` of an item, as far as it has them. */
function chunksBetween(cut: Cut, first: number, end: number): Chunk[] {
  return Array.from({ length: Math.max(0, Math.min(end, cut.chunks) - first) }, (_, k) => {
    const start = (first + k) * cut.length;
    const stop = Math.min(cut.count, start + cut.length);
    const bytes = bytesBetween(cut, start, stop);
    return { item: cut.item, number: cut.firstChunk + first + k, start, end: stop, bytes };
  });
}

function bytesBetween(cut: Cut, start: number, end: number): number {
  return cut.spans.reduce((sum, span) => sum + byteRange(span, start, end).length, 0);
}

/** Elements per chunk: a multiple of eight, so that packed types split at a byte, or of the row length. */
export function chunkLength(item: PassItem, limits = CHUNK_LIMITS): number {
  // Those of the parts are all the same.
  const part = item.kind === 'fused' ? item.parts[0] : undefined;
  if (part !== undefined) return chunkLength(part.item, limits);
  // A matrix is worked on as a whole.
  if (item.kind === 'matrix') return Math.max(1, countOf(item));
  const spans = spansOf(item);
  const share = Math.min(limits.spanBytes, limits.itemBytes / Math.max(1, spans.length));
  const widest = Math.max(8, ...spans.map((span) => bitsOf(span.dtype)));
  const room = Math.floor((share * 8) / widest);
  const unit = unitOf(item);
  return Math.max(1, Math.floor(room / unit)) * unit;
}

function unitOf(item: PassItem): number {
  if (item.kind === 'group') return rowLengthOf(item) ?? 8;
  if (item.kind !== 'rowBands' && item.kind !== 'rowProducts') return 8;
  // Eight rows begin at a byte whatever the type.
  const splits = spansOf(item).some((span) => bitsOf(span.dtype) < 8);
  return Math.max(1, splits ? item.rowLength * 8 : item.rowLength);
}

/** Where elements `start … end − 1` of a span lie, relative to its first byte. */
export function byteRange(span: TensorSpan, start: number, end: number): { offset: number; length: number } {
  const offset = bytesFor(span.dtype, start);
  return { offset, length: bytesFor(span.dtype, end) - offset };
}
