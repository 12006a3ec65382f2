import type { Artifact, AxisEntry, Matrix, Note, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { classicalScaling } from './classical-scaling';
import type { LibrarySums } from './library-sums';
import { averageLinkage, dendrogram, leafOrder } from './linkage';
import type { ModelClusters } from './model-based-clustering';
import { cosine, finiteOrNull } from './profile-sums';
import { recommendation } from './recommendation';
import { groupTasks, type Grouping } from './task-groups';
import { countText, namesText, shortNumber } from './wording';

/** From here on two adapters do the same. */
const DUPLICATE = 0.98;
/** Robust deviations from the median beyond which a value stands apart (Iglewicz, Hoaglin 1993). */
const FAR = 3.5;
/** 1/Φ⁻¹(3/4): median deviations of a normal distribution in standard deviations. */
const NORMAL = 1.4826;
const LEAST_FOR_OUTLIERS = 5;
const SHORTLISTED = 10;
const DUPLICATES_LISTED = 1000;

/** What the inner products of a library say. */
export function libraryArtifacts(
  names: readonly string[],
  sums: LibrarySums,
  clusters: ModelClusters,
): Artifact[] {
  const { n } = sums;
  const cosines = cosinesOf(sums);
  const distances = Float64Array.from(cosines, (value, at) => (at % (n + 1) === 0 ? 0 : 1 - (value ?? 0)));
  const merges = averageLinkage(distances, n);
  const grouping = groupTasks(distances, merges, n, 0);
  const axis = names.map((name): AxisEntry => ({ label: name, task: name }));
  const order = leafOrder(merges, n);
  const { x, y, stress } = classicalScaling(distances, n);
  const arrow = Array.from({ length: n * n }, (_, at) => arrowOf(sums, at));
  // What changes nothing is far from everything, and no choice.
  const shortlist = farthestFirst(distances, n, n, 1 - DUPLICATE).filter(
    (i) => (sums.gram[i * (n + 1)] as number) > 0,
  );
  const view: Library = {
    names,
    sums,
    cosines,
    grouping,
    clusters,
    outliers: outliersOf(sums),
    shortlist: shortlist.slice(0, SHORTLISTED),
  };
  const common = {
    kind: 'matrix' as const,
    rows: axis,
    columns: axis,
    rowTitle: 'adapter',
    columnTitle: 'adapter',
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
  const cosineMatrix: Matrix = {
    ...common,
    id: 'cosine',
    title: 'Cosine of the changes',
    facets: { metric: 'cosine' },
    caption: 'Of the whole ΔW, exact. A module that an adapter does not target counts as unchanged.',
    values: packNumbers(cosines),
    unit: 'cos(ΔWᵢ, ΔWⱼ)',
    scale: 'diverging',
    domain: [-1, 1],
  };
  const arrowMatrix: Matrix = {
    ...common,
    id: 'arrow',
    title: 'Cosine of Arrow’s prototypes',
    facets: { metric: 'arrow' },
    caption:
      'Mean of |vᵢ·vⱼ| over the matrices that both change by factors; small: a router can tell them apart.',
    values: packNumbers(arrow),
    unit: 'mean |vᵢ·vⱼ|',
    scale: 'sequential',
    domain: [0, 1],
  };
  return [
    advice(view),
    cosineMatrix,
    ...(arrow.some((value) => value !== null) ? [arrowMatrix] : []),
    dendrogram(axis, merges, {
      id: 'tree',
      title: 'Groups of adapters',
      caption: 'Average linkage over 1 − cos(ΔWᵢ, ΔWⱼ).',
      unit: '1 − cos(ΔWᵢ, ΔWⱼ)',
    }),
    {
      kind: 'scatter',
      id: 'map',
      title: 'Map of adapters',
      caption: `Classical multidimensional scaling of 1 − cos(ΔWᵢ, ΔWⱼ); axes have no meaning of their own.${stress === null ? '' : ` Stress ${shortNumber(stress)}: above 0.2 a plane cannot show the distances.`}`,
      x: { title: 'first axis', values: packNumbers([...x]) },
      y: { title: 'second axis', values: packNumbers([...y]) },
      points: axis,
      groups: grouping.groups,
    },
    clusterTable(view),
    duplicateTable(view),
  ];
}

interface Library {
  readonly names: readonly string[];
  readonly sums: LibrarySums;
  readonly cosines: readonly (number | null)[];
  readonly grouping: Grouping;
  readonly clusters: ModelClusters;
  readonly outliers: readonly Outlier[];
  /** Indices, in the order of farthest-first. */
  readonly shortlist: readonly number[];
}

function cosinesOf({ n, gram }: LibrarySums): (number | null)[] {
  return Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return cosine(gram[at] as number, gram[i * (n + 1)] as number, gram[j * (n + 1)] as number);
  });
}

function arrowOf({ n, arrow, arrowCount }: LibrarySums, at: number): number | null {
  const count = arrowCount[at] as number;
  if (at % (n + 1) === 0) return 1;
  return count > 0 ? (arrow[at] as number) / count : null;
}

interface Outlier {
  /** cos(ΔWᵢ, Σ of the others). */
  readonly agreement: number | null;
  /** Its distance from the median in robust standard deviations; `null` with few adapters. */
  readonly deviation: number | null;
}

function outliersOf({ n, gram }: LibrarySums): Outlier[] {
  const rows = Array.from({ length: n }, (_, i) =>
    gram.subarray(i * n, (i + 1) * n).reduce((sum, value) => sum + value, 0),
  );
  const whole = rows.reduce((sum, value) => sum + value, 0);
  const agreements = rows.map((row, i) => {
    const own = gram[i * (n + 1)] as number;
    return cosine(row - own, own, Math.max(0, whole - 2 * row + own));
  });
  const known = agreements.flatMap((value) => value ?? []);
  const middle = median(known);
  const spread = NORMAL * median(known.map((value) => Math.abs(value - middle)));
  return agreements.map((agreement) => ({
    agreement,
    deviation:
      agreement === null || n < LEAST_FOR_OUTLIERS || !(spread > 0) ? null : (agreement - middle) / spread,
  }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
}

/** Farthest-first (Gonzalez 1985): from the adapter nearest to all others on, always the one farthest from those chosen; none
 * that is nearer to one of them than `least`. */
export function farthestFirst(distances: Float64Array, n: number, count: number, least = 0): number[] {
  const sumOf = (i: number) => distances.subarray(i * n, (i + 1) * n).reduce((sum, value) => sum + value, 0);
  const all = Array.from({ length: n }, (_, i) => i);
  const chosen: number[] = [];
  const nearest = new Float64Array(n).fill(Infinity);
  let next = all.reduce((best, i) => (sumOf(i) < sumOf(best) ? i : best), 0);
  while (chosen.length < Math.min(count, n) && (nearest[next] as number) >= least) {
    chosen.push(next);
    for (const i of all) nearest[i] = Math.min(nearest[i] as number, distances[next * n + i] as number);
    const left = all.filter((i) => !chosen.includes(i));
    next = left.reduce(
      (best, i) => ((nearest[i] as number) > (nearest[best] as number) ? i : best),
      left[0] ?? 0,
    );
  }
  return chosen;
}

function clusterTable({ names, sums, grouping, clusters, outliers, shortlist }: Library): Table {
  const { n, gram, share, shareCount, partial } = sums;
  const normOf = (i: number) => finiteOrNull(Math.sqrt(gram[i * (n + 1)] as number));
  return {
    kind: 'table',
    id: 'clusters',
    title: 'Adapters and their clusters',
    caption: `Cluster: MBC as published${clusters.kind === 'none' ? `, left out: ${clusters.reason}` : ` with k = ${String(clusters.k)}`} Group: the cut of the dendrogram of exact cosines with the largest mean silhouette. Agreement: cosine with the sum of all others, and its robust deviation from the median. Shortlist: the order of farthest-first, from the most central adapter on. Prototype: mean of σ₁²/Σσ². The norm of an adapter with NaN or infinities is undefined.`,
    columns: [
      { name: 'adapter', title: 'Adapter', type: 'text' },
      { name: 'cluster', title: 'Cluster', type: 'integer' },
      { name: 'group', title: 'Group', type: 'integer' },
      { name: 'silhouette', title: 'Silhouette', type: 'number' },
      { name: 'norm', title: '‖ΔW‖', type: 'number' },
      { name: 'agreement', title: 'Agreement with the others', type: 'number' },
      { name: 'deviation', title: 'Deviation', type: 'number' },
      { name: 'shortlist', title: 'Place in the shortlist', type: 'integer' },
      { name: 'prototype_share', title: 'Energy of the prototype', type: 'share' },
    ],
    rows: names.map((name, i): TableCell[] => [
      name,
      clusters.kind === 'clusters' ? (clusters.clusters[i] ?? null) : null,
      grouping.groups[i] ?? null,
      grouping.silhouettes?.[i] ?? null,
      partial.has(i) ? null : normOf(i),
      outliers[i]?.agreement ?? null,
      outliers[i]?.deviation ?? null,
      shortlist.includes(i) ? shortlist.indexOf(i) + 1 : null,
      (shareCount[i] as number) > 0 ? (share[i] as number) / (shareCount[i] as number) : null,
    ]),
  };
}

function duplicatesOf({ names, cosines, sums: { n } }: Library): [string, string, number][] {
  return names
    .flatMap((a, i) =>
      names.slice(i + 1).flatMap((b, offset): [string, string, number][] => {
        const value = cosines[i * n + i + 1 + offset] ?? null;
        return value !== null && value > DUPLICATE ? [[a, b, value]] : [];
      }),
    )
    .sort((x, y) => y[2] - x[2]);
}

function duplicateTable(library: Library): Table {
  return {
    kind: 'table',
    id: 'near_duplicates',
    title: 'Near-duplicates',
    caption: `Pairs with a cosine above ${String(DUPLICATE)}.`,
    columns: [
      { name: 'a', title: 'Adapter', type: 'text' },
      { name: 'b', title: 'Other adapter', type: 'text' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
    ],
    rows: duplicatesOf(library).slice(0, DUPLICATES_LISTED),
  };
}

function advice(library: Library): Note {
  const { names, grouping, outliers, shortlist, clusters } = library;
  const duplicates = duplicatesOf(library);
  const far = names.filter((_, i) => (outliers[i]?.deviation ?? 0) < -FAR);
  const diverse = shortlist.map((i) => names[i] ?? '');
  const groups = Array.from({ length: grouping.count }, (_, group) =>
    names.filter((__, i) => grouping.groups[i] === group),
  ).filter((members) => members.length > 1);
  return recommendation(
    'What to keep and what to combine',
    [
      ...(duplicates.length > 0
        ? [`${countText(duplicates.length, 'pair')} nearly the same, keep one of each: ${namesText(duplicates.map(([a, b]) => `${a} and ${b}`), 4)}.`]
        : ['No two adapters are nearly the same.']),
      ...(groups.length > 0 && grouping.count > 1
        ? [`Move alike: ${namesText(groups.map((members) => namesText(members, 4)), 4, '; ')}.`]
        : []),
      ...(far.length > 0 ? [`Point away from the others, leave out of a merge first: ${namesText(far)}.`] : []),
      ...(diverse.length > 0
        ? [`A diverse choice, in this order: ${namesText(diverse, SHORTLISTED)}.`]
        : ['No adapter changes anything.']),
      ...(clusters.kind === 'none' ? [clusters.reason] : []),
    ],
    'cosines say whether adapters move weights alike, not how good they are; MBC depends on how A and B were initialised.',
  ); // prettier-ignore
}
