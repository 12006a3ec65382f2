import type { Merge } from './linkage';

/** A division of tasks into groups. */
export interface Grouping {
  /** Group of each task, counted from 0 in the order in which they first appear. */
  readonly groups: readonly number[];
  readonly count: number;
  /** How much nearer each task is to its own group than to the next, −1 to 1; `null` with one group only. */
  readonly silhouettes: readonly number[] | null;
  /** Their mean. */
  readonly mean: number | null;
}

/** Groups that are left when the last `count − 1` merges of a dendrogram are undone. */
export function cutTree(merges: readonly Merge[], n: number, count: number): number[] {
  const parents = Array.from({ length: n + merges.length }, (_, node) => node);
  for (const [k, { left, right }] of merges.slice(0, Math.max(0, n - count)).entries()) {
    parents[left] = parents[right] = n + k;
  }
  const root = (node: number): number => {
    let at = node;
    while (parents[at] !== undefined && parents[at] !== at) at = parents[at] as number;
    return at;
  };
  const numbers = new Map<number, number>();
  return Array.from({ length: n }, (_, leaf) => {
    const top = root(leaf);
    const known = numbers.get(top) ?? numbers.size;
    numbers.set(top, known);
    return known;
  });
}

/**
 * Silhouettes (Rousseeuw 1987): (b − a) / max(a, b), a the mean distance to the others of the own group and b the least
 * mean distance to another group; 0 for a task alone in its group. `distances` is n × n, row-major.
 */
export function silhouettes(distances: Float64Array, groups: readonly number[]): number[] {
  const n = groups.length;
  const count = new Set(groups).size;
  return groups.map((own, i) => {
    const sums = new Float64Array(count);
    const sizes = new Float64Array(count);
    for (let j = 0; j < n; j++) {
      const group = groups[j] ?? 0;
      if (j === i) continue;
      sums[group] = (sums[group] as number) + (distances[i * n + j] as number);
      sizes[group] = (sizes[group] as number) + 1;
    }
    if (sizes[own] === 0) return 0;
    const means = [...sums].map((sum, group) => sum / (sizes[group] as number));
    const inside = means[own] ?? 0;
    const outside = Math.min(...means.filter((mean, group) => group !== own && Number.isFinite(mean)));
    const most = Math.max(inside, outside);
    return most > 0 && Number.isFinite(most) ? (outside - inside) / most : 0;
  });
}

/**
 * Cuts a dendrogram into `wanted` groups; for 0 into the number with the largest mean silhouette, one group where none
 * is above 0.
 */
export function groupTasks(
  distances: Float64Array,
  merges: readonly Merge[],
  n: number,
  wanted: number,
): Grouping {
  if (wanted > 0) return groupingOf(distances, cutTree(merges, n, Math.min(wanted, n)));
  let best = groupingOf(distances, cutTree(merges, n, 1));
  for (let count = 2; count < n; count++) {
    const found = groupingOf(distances, cutTree(merges, n, count));
    if ((found.mean ?? 0) > (best.mean ?? 0)) best = found;
  }
  return best;
}

function groupingOf(distances: Float64Array, groups: readonly number[]): Grouping {
  const count = new Set(groups).size;
  if (count < 2) return { groups, count, silhouettes: null, mean: null };
  const own = silhouettes(distances, groups);
  return {
    groups,
    count,
    silhouettes: own,
    mean: own.reduce((sum, value) => sum + value, 0) / own.length,
  };
}
