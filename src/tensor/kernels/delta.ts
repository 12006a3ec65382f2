import { decoder, type Decoder } from '../decode';
import { mergeMoments } from '../derive';
import type { BinCounts, GroupTask, Moments, PassItem } from '../pass';
import type { TensorSpan } from '../span';
import { binsBetween, countChunk, histogram } from './histogram';
import { BLOCK, type ChunkData, type Kernel, type Scratch } from './kernel';
import { formEntries } from './low-rank-rows';
import { momentsOfChunk } from './moments';

type DeltaMomentsItem = Extract<PassItem, { kind: 'deltaMoments' }>;
type DeltaHistogramItem = Extract<PassItem, { kind: 'deltaHistogram' }>;

/**
 * Moments of τ = θ − θ₀. Where a side is not finite τ follows IEEE arithmetic: a number minus an infinity is infinite,
 * NaN minus anything and an infinity minus itself are NaN. A low-rank τ does not depend on θ₀, which is not read then.
 */
export const deltaMoments: Kernel<DeltaMomentsItem, Moments> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    return (chunk) => momentsOfChunk(chunk, block, deltaDecoder(item.base, item.task, chunk, scratch));
  },
  merge: mergeMoments,
};

/** Counts of τ = θ − θ₀ between ascending edges; the same rules as for `histogram` and `deltaMoments`. */
export const deltaHistogram: Kernel<DeltaHistogramItem, BinCounts> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    const bins = binsBetween(item.edges);
    return (chunk) => countChunk(chunk, block, bins, deltaDecoder(item.base, item.task, chunk, scratch));
  },
  merge: (before, after) => histogram.merge(before, after),
};

/** Delivers τ by index within the chunk, at most a block at a time. Uses block 1 of the scratch. */
export function deltaDecoder(base: TensorSpan, task: GroupTask, chunk: ChunkData, scratch: Scratch): Decoder {
  if (task.kind === 'lowRank') {
    return (first, count, target) => formEntries(task.delta, chunk.start + first, count, target);
  }
  const [baseBytes = EMPTY, taskBytes = EMPTY] = chunk.bytes;
  const decodeBase = decoder(base.dtype, baseBytes);
  const decodeTask = decoder(task.span.dtype, taskBytes);
  const zero = scratch.block(1, BLOCK);
  return (first, count, target) => {
    decodeBase(first, count, zero);
    decodeTask(first, count, target);
    for (let i = 0; i < count; i++) target[i] = (target[i] as number) - (zero[i] as number);
  };
}

const EMPTY = new Uint8Array(0);
