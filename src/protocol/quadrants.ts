/** The four quadrants of what moved against what matters, by number. */
export const QUADRANTS = [
  'moved and matters',
  'matters, hardly moved',
  'moved, hardly matters',
  'neither moved nor matters',
] as const;

/**
 * Share of the other values that are less, 0 to 1, equal ones counting half (the mid-rank of the percentile rank); a single
 * value stands at 0.5, NaN at NaN.
 */
export function standings(values: ArrayLike<number>): Float64Array {
  const known = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return Float64Array.from(values, (value) => {
    if (Number.isNaN(value)) return Number.NaN;
    if (known.length < 2) return 0.5;
    const [first, end] = [lowerBound(known, value, false), lowerBound(known, value, true)];
    return (first + (end - first - 1) / 2) / (known.length - 1);
  });
}

/** Sorted values below `value`, or up to it where `included`. */
function lowerBound(sorted: Float64Array, value: number, included: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] ?? 0;
    if (at < value || (included && at === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Number of the quadrant of two standings (shares of others below): each half is cut at the median. */
export function quadrantOf(moved: number, matters: number): number {
  return (matters >= 0.5 ? 0 : 2) + (moved >= 0.5 ? 0 : 1);
}
