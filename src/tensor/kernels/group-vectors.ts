import type { PassItem } from '../pass';
import { isVectorDtype, MOST_TASKS, type VectorKernels } from '../wasm/vector-kernels';
import type { ChunkSums } from './group';
import type { ChunkData } from './kernel';

/** Vector kernels at work on one chunk of a group. */
export interface VectorGroup {
  /** Takes elements from `first` on, counted within the chunk, and returns the first that is left to others. */
  add(first: number): number;
  /** Adds what was taken to `sums`. */
  finish(sums: ChunkSums): void;
}

/**
 * Vector kernels for a chunk of a group; `null` where there are none: a task is low-rank, types differ or are none of
 * theirs, or the bytes are not in their memory.
 */
export function vectorGroupOf(
  item: Extract<PassItem, { kind: 'group' }>,
  chunk: ChunkData,
  vectors: VectorKernels | null,
): VectorGroup | null {
  const { dtype } = item.base;
  const size = item.tasks.length;
  if (vectors === null || !isVectorDtype(dtype) || size === 0 || size > MOST_TASKS) return null;
  if (item.tasks.some((task) => task.kind !== 'dense' || task.span.dtype !== dtype)) return null;
  if (!vectors.holds(chunk.bytes)) return null;
  vectors.startGroup(chunk.bytes);
  const length = chunk.end - chunk.start;
  return {
    add: (first) => (first < length ? vectors.addGroup(dtype, size, first, length) : length),
    finish(sums) {
      sums.baseSquares += vectors.baseSquares(dtype);
      for (const [t, into] of sums.tasks.entries()) {
        const found = vectors.taskSums(dtype, t);
        into.taskSquares += found.taskSquares;
        into.dot += found.dot;
        into.deltaSquares += found.deltaSquares;
        into.deltaAbsMax = Math.max(into.deltaAbsMax, found.deltaAbsMax);
        into.identical += found.identical;
        into.signFlips += found.signFlips;
        for (let j = t + 1; j < size; j++) {
          const cell = t * size + j;
          sums.gram[cell] = (sums.gram[cell] as number) + vectors.innerProduct(dtype, t, j);
        }
      }
    },
  };
}
