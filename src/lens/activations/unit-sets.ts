/** Indices of the `count` largest values, ascending; of equals the earlier. */
export function largestUnits(values: ArrayLike<number>, count: number): readonly number[] {
  return orderOf(values)
    .slice(0, count)
    .sort((x, y) => x - y);
}

/**
 * The smallest set of units whose values sum to at least `share` of all, ascending; values are not negative. Empty where all
 * are 0.
 */
export function coveringUnits(values: ArrayLike<number>, share: number): readonly number[] {
  let total = 0;
  for (let at = 0; at < values.length; at++) total += values[at] ?? 0;
  const found: number[] = [];
  let sum = 0;
  for (const at of orderOf(values)) {
    if (!(sum < share * total)) break;
    sum += values[at] ?? 0;
    found.push(at);
  }
  return found.sort((x, y) => x - y);
}

function orderOf(values: ArrayLike<number>): number[] {
  return Array.from(values, (_, at) => at).sort((x, y) => (values[y] ?? 0) - (values[x] ?? 0) || x - y);
}

/** |A ∩ B| / |A ∪ B|; `null` for two empty sets. */
export function intersectionOverUnion(a: readonly number[], b: readonly number[]): number | null {
  const own = new Set(a);
  const both = b.filter((unit) => own.has(unit)).length;
  const either = own.size + b.length - both;
  return either === 0 ? null : both / either;
}

/** What two sets drawn at random from n units have in common on average: E|A ∩ B| = |A||B|/n, over what is then in either. */
export function randomOverlap(a: number, b: number, n: number): number | null {
  const both = (a * b) / n;
  const either = a + b - both;
  return either > 0 ? both / either : null;
}

/**
 * Gini coefficient Σᵢ(2i − n − 1)xᵢ / (nΣx) of values that are not negative, ascending: 0 where all are equal, near 1 where
 * one has everything. `null` where all are 0.
 */
export function gini(values: ArrayLike<number>): number | null {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let [weighted, sum] = [0, 0];
  sorted.forEach((value, at) => {
    weighted += (2 * at + 1 - n) * value;
    sum += value;
  });
  return sum > 0 ? weighted / (n * sum) : null;
}
