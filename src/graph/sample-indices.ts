/**
 * `wanted` of `total` samples without repetition, ascending; all where there are no more. The same for the same seed
 * (mulberry32; Floyd's choice without repetition, Bentley 1987).
 */
export function sampleIndices(total: number, wanted: number, seed: number): readonly number[] {
  if (wanted >= total) return Array.from({ length: total }, (_, at) => at);
  const random = mulberry32(seed);
  const chosen = new Set<number>();
  for (let last = total - wanted; last < total; last++) {
    const pick = Math.floor(random() * (last + 1));
    chosen.add(chosen.has(pick) ? last : pick);
  }
  return [...chosen].sort((a, b) => a - b);
}

function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
