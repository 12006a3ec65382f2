/** One unit (a head, or a key-value head with its queries) that takes the weights of an earlier one. */
export interface Sharing {
  readonly unit: number;
  readonly donor: number;
  readonly score: number;
}

/**
 * Pairs units by falling score until `count` of them take the weights of another, earlier one: a unit that gives keeps its
 * own, one that takes gives to none (DirectShare, Cao et al. 2024, over all layers). `scores` is n × n, symmetric, NaN
 * where two units cannot share.
 */
export function sharePlan(scores: Float64Array, n: number, count: number): Sharing[] {
  const pairs: number[] = [];
  for (let donor = 0; donor < n; donor++) {
    for (let unit = donor + 1; unit < n; unit++) {
      if (!Number.isNaN(scores[donor * n + unit])) pairs.push(donor * n + unit);
    }
  }
  pairs.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const taking = new Set<number>();
  const giving = new Set<number>();
  const plan: Sharing[] = [];
  for (const pair of pairs) {
    if (plan.length >= count) break;
    const [donor, unit] = [Math.floor(pair / n), pair % n];
    if (taking.has(donor) || taking.has(unit) || giving.has(unit)) continue;
    taking.add(unit);
    giving.add(donor);
    plan.push({ unit, donor, score: scores[pair] as number });
  }
  return plan;
}
