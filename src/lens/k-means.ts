import { SplitMix64 } from '../tensor/split-mix';

/** Points in rows, `count` of `width` numbers each. */
export interface Points {
  readonly count: number;
  readonly width: number;
  readonly values: Float64Array;
}

export interface KMeans {
  /** Cluster of each point, counted from 0 in the order in which they first appear. */
  readonly clusters: readonly number[];
  /** Σ of squared distances to the own centre. */
  readonly inertia: number;
}

const MOST_STEPS = 300;

/**
 * k-means by Lloyd's steps (Lloyd 1982) from k-means++ starts (Arthur, Vassilvitskii 2007), the best of `starts` by inertia.
 * Chance is seeded, so the result is the same every time. `k` is at most the number of points.
 */
export function kMeans(points: Points, k: number, starts = 10, seed = 1): KMeans {
  const bits = new SplitMix64(seed);
  const random = () => bits.below(2 ** 32) / 2 ** 32;
  let best: KMeans = { clusters: [], inertia: Infinity };
  for (let start = 0; start < starts; start++) {
    const found = settle(points, plusPlus(points, k, random));
    if (found.inertia < best.inertia) best = found;
  }
  return { ...best, clusters: renumbered(best.clusters) };
}

/** The first centre by lot, every further one with a chance in proportion to its squared distance from the nearest so far. */
function plusPlus(points: Points, k: number, random: () => number): Float64Array {
  const { count, width, values } = points;
  const centres = new Float64Array(k * width);
  const nearest = new Float64Array(count).fill(Infinity);
  let chosen = Math.min(count - 1, Math.floor(random() * count));
  for (let c = 0; c < k; c++) {
    centres.set(values.subarray(chosen * width, (chosen + 1) * width), c * width);
    for (let i = 0; i < count; i++)
      nearest[i] = Math.min(nearest[i] as number, squaredDistance(points, i, centres, c));
    chosen = drawn(nearest, random);
  }
  return centres;
}

function drawn(weights: Float64Array, random: () => number): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [at, weight] of weights.entries()) {
    left -= weight;
    if (left < 0 && weight > 0) return at;
  }
  return weights.indexOf(Math.max(...weights));
}

function settle(points: Points, centres: Float64Array): KMeans {
  const { count } = points;
  const clusters = new Array<number>(count).fill(-1);
  let inertia = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    let moved = false;
    inertia = 0;
    for (let i = 0; i < count; i++) {
      const [cluster, distance] = nearestCentre(points, i, centres);
      moved ||= clusters[i] !== cluster;
      clusters[i] = cluster;
      inertia += distance;
    }
    if (!moved) break;
    recentre(points, clusters, centres);
  }
  return { clusters, inertia };
}

function nearestCentre(points: Points, i: number, centres: Float64Array): readonly [number, number] {
  let best = 0;
  let least = Infinity;
  for (let c = 0; c * points.width < centres.length; c++) {
    const distance = squaredDistance(points, i, centres, c);
    if (distance < least) [best, least] = [c, distance];
  }
  return [best, least];
}

/** Centres become the means of their points; one without points stays where it is. */
function recentre({ width, values }: Points, clusters: readonly number[], centres: Float64Array): void {
  const sizes = new Float64Array(centres.length / width);
  for (const cluster of clusters) sizes[cluster] = (sizes[cluster] as number) + 1;
  for (const [c, size] of sizes.entries()) if (size > 0) centres.fill(0, c * width, (c + 1) * width);
  for (const [i, cluster] of clusters.entries()) {
    for (let at = 0; at < width; at++) {
      const place = cluster * width + at;
      centres[place] =
        (centres[place] as number) + (values[i * width + at] as number) / (sizes[cluster] as number);
    }
  }
}

function squaredDistance({ width, values }: Points, i: number, centres: Float64Array, c: number): number {
  let sum = 0;
  for (let at = 0; at < width; at++)
    sum += ((values[i * width + at] as number) - (centres[c * width + at] as number)) ** 2;
  return sum;
}

function renumbered(clusters: readonly number[]): number[] {
  const numbers = new Map<number, number>();
  return clusters.map((cluster) => {
    const known = numbers.get(cluster) ?? numbers.size;
    numbers.set(cluster, known);
    return known;
  });
}
