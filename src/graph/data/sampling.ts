import { SplitMix64 } from '../../tensor/split-mix';

/** Which samples of a data set are used; part of every result, so that it can be had again. */
export interface Sample {
  /** How many there are. */
  readonly total: number;
  /** `null`: not drawn, but all of them or the first ones. */
  readonly seed: number | null;
  /** Ascending. */
  readonly indices: readonly number[];
}

/**
 * Chooses samples: all of them where at most `wanted` are there; else with a seed `wanted` different ones, each set of
 * them as likely as any other (R. Floyd's algorithm, in Bentley and Floyd 1987), and without a seed the first ones.
 */
export function sampleIndices(total: number, wanted: number | null, seed: number | null): Sample {
  const count = Math.min(total, wanted ?? total);
  if (count === total || seed === null) {
    return { total, seed: null, indices: Array.from({ length: count }, (_, index) => index) };
  }
  const random = new SplitMix64(seed);
  const chosen = new Set<number>();
  for (let last = total - count; last < total; last++) {
    const index = random.below(last + 1);
    chosen.add(chosen.has(index) ? last : index);
  }
  return { total, seed, indices: [...chosen].sort((a, b) => a - b) };
}
