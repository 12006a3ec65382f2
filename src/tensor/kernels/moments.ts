import { decoder, type Decoder } from '../decode';
import { mergeMoments, NAMED_NON_FINITE } from '../derive';
import type { Moments, PassItem } from '../pass';
import { isVectorDtype, type VectorDtype, type VectorKernels } from '../wasm/vector-kernels';
import { BLOCK, type ChunkData, type Kernel } from './kernel';

type MomentsItem = Extract<PassItem, { kind: 'moments' }>;

/**
 * Moments and extremes of one tensor. Every block is summed twice, first for its mean and then around that mean, so a
 * mean far larger than the spread costs no digits; blocks and chunks are joined by Chan's formula.
 */
export const moments: Kernel<MomentsItem, Moments> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    const { vectors } = scratch;
    const { dtype } = item.span;
    return (chunk) => {
      const decode = decoder(dtype, chunk.bytes[0] ?? EMPTY);
      return vectors !== null && isVectorDtype(dtype) && vectors.holds(chunk.bytes)
        ? momentsInRuns(vectors, dtype, chunk, block, decode)
        : momentsOfChunk(chunk, block, decode);
    };
  },
  merge: mergeMoments,
};

const EMPTY = new Uint8Array(0);

/** Moments of a chunk whose values `decode` delivers, a block at a time, by their index within the chunk. */
export function momentsOfChunk(chunk: ChunkData, block: Float64Array, decode: Decoder): Moments {
  const length = chunk.end - chunk.start;
  let merged = NOTHING;
  for (let first = 0; first < length; first += BLOCK) {
    const count = Math.min(BLOCK, length - first);
    decode(first, count, block);
    merged = mergeMoments(merged, momentsOfBlock(block, count, chunk.start + first));
  }
  return merged;
}

/** The same by vector kernels, one run of whole finite blocks after the other, and what is between them as above. */
function momentsInRuns(
  vectors: VectorKernels,
  dtype: VectorDtype,
  chunk: ChunkData,
  block: Float64Array,
  decode: Decoder,
): Moments {
  const length = chunk.end - chunk.start;
  const [bytes = EMPTY] = chunk.bytes;
  let merged = NOTHING;
  for (let first = 0; first < length;) {
    vectors.startMoments();
    const stop = vectors.addMoments(dtype, bytes, first, length);
    const run = vectors.moments(dtype);
    if (stop > first) merged = mergeMoments(merged, { ...NOTHING, ...run, count: run.finite });
    const count = Math.min(BLOCK, length - stop);
    decode(stop, count, block);
    merged = mergeMoments(merged, momentsOfBlock(block, count, chunk.start + stop));
    first = stop + count;
  }
  return merged;
}

const NOTHING: Moments = {
  kind: 'moments',
  count: 0,
  finite: 0,
  mean: 0,
  m2: 0,
  min: Infinity,
  max: -Infinity,
  l1: 0,
  squares: 0,
  zeros: 0,
  nan: 0,
  inf: 0,
  nonFinite: [],
};

/** Moments of the first `count` values of `block`, which starts at flat index `index`. May reorder the block. */
function momentsOfBlock(block: Float64Array, count: number, index: number): Moments {
  const whole = finiteMoments(block, count);
  // A NaN or an infinity always shows in the sum of squares, so blocks without one need no test per element.
  if (Number.isFinite(whole.squares)) return whole;
  const found = { nan: 0, inf: 0, nonFinite: [] as { index: number; value: 'NaN' | '+Inf' | '-Inf' }[] };
  let finite = 0;
  for (let i = 0; i < count; i++) {
    const x = block[i] as number;
    if (Number.isFinite(x)) {
      block[finite++] = x;
      continue;
    }
    if (Number.isNaN(x)) found.nan++;
    else found.inf++;
    if (found.nonFinite.length >= NAMED_NON_FINITE) continue;
    found.nonFinite.push({ index: index + i, value: Number.isNaN(x) ? 'NaN' : x > 0 ? '+Inf' : '-Inf' });
  }
  return { ...finiteMoments(block, finite), count, ...found };
}

function finiteMoments(block: Float64Array, count: number): Moments {
  if (count === 0) return NOTHING;
  let sum = 0;
  let squares = 0;
  let l1 = 0;
  let zeros = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    const x = block[i] as number;
    sum += x;
    squares += x * x;
    l1 += Math.abs(x);
    // Counting without a branch: sparse tensors would mispredict half of them.
    zeros += Number(x === 0) | 0;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  const mean = sum / count;
  const m2 = squaredDeviations(block, count, mean);
  return { ...NOTHING, count, finite: count, mean, m2, min, max, l1, squares, zeros };
}

function squaredDeviations(block: Float64Array, count: number, mean: number): number {
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < count; i += 2) {
    const x = (block[i] as number) - mean;
    const y = (block[i + 1] as number) - mean;
    even += x * x;
    odd += y * y;
  }
  if (i < count) even += ((block[i] as number) - mean) ** 2;
  return even + odd;
}
