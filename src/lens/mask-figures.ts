import type { Study } from '../model/study';
import type { AxisEntry, Histogram, Matrix, Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';
import { averageLinkage, leafOrder } from './linkage';
import type { MaskShares, MaskSums } from './mask-sums';
import { AXES_CAPTION, networkMatrix, type NetworkAxes } from './network-axes';

/** Which entries count. */
export const MASK_COVERAGE =
  'Counted: every entry of the floating-point tensors that some task has; an adapter counts as unchanged where it has no factors.';

/** Density of every task's mask by layer and module. */
export function densityHeatmaps(
  study: Study,
  axes: NetworkAxes,
  cells: readonly (MaskSums | null)[],
  lambdas: readonly number[],
): Matrix[] {
  const values = study.tasks.map((_, task) => cells.map((sums) => sums?.density(task) ?? null));
  const domain = fromZero(values.flat());
  return study.tasks.map(({ name }, task) =>
    networkMatrix(axes, values[task] ?? [], {
      id: `density:${name}`,
      title: `Mask density · ${name}`,
      facets: { metric: 'density', task: name },
      caption: `Share of the entries of a cell in the mask of ${name}, λ = ${String(lambdas[task])}. ${MASK_COVERAGE} ${AXES_CAPTION}`,
      unit: 'share',
      scale: 'sequential',
      domain,
    }),
  );
}

/** Overlap of every two masks: intersection over union, and containment of the row's mask in the column's. */
export function overlapMatrices(study: Study, all: MaskSums): Matrix[] {
  const entries = study.tasks.map(({ name }): AxisEntry => ({ label: name, task: name }));
  const n = entries.length;
  const iou = entries.flatMap((_, i) => entries.map((__, j) => all.iou(i, j)));
  const contained = entries.flatMap((_, i) => entries.map((__, j) => all.containment(i, j)));
  const order = leafOrder(
    averageLinkage(
      Float64Array.from(iou, (value) => 1 - (value ?? 0)),
      n,
    ),
    n,
  );
  const shape = {
    kind: 'matrix' as const,
    rows: entries,
    columns: entries,
    rowTitle: 'task',
    columnTitle: 'task',
    unit: 'share',
    scale: 'sequential' as const,
    orders: [{ title: 'By overlap', rows: order, columns: order }],
  };
  return [
    {
      ...shape,
      id: 'iou',
      title: 'Overlap of masks',
      facets: { metric: 'iou' },
      caption: `Entries in both masks over entries in either, over the whole model. ${MASK_COVERAGE}`,
      values: packNumbers(iou),
      domain: fromZero(iou),
    },
    {
      ...shape,
      id: 'containment',
      title: 'Containment of masks',
      facets: { metric: 'containment' },
      caption: `Share of the row's mask that lies in the column's, over the whole model. ${MASK_COVERAGE}`,
      values: packNumbers(contained),
      domain: fromZero(contained),
    },
  ];
}

/** How many entries are in the masks of how many tasks. */
export function tasksOnHistogram(all: MaskSums): Histogram {
  const counts = all.histogramCounts();
  return {
    kind: 'histogram',
    id: 'tasks_on',
    title: 'In how many masks an entry is',
    caption: `0 catastrophic, 1 selfish, 2 and more shared. ${MASK_COVERAGE}`,
    // Bin k holds k alone.
    edges: Array.from({ length: counts.length + 1 }, (_, k) => k - 0.5),
    counts,
    unit: 'tasks',
  };
}

const SHARES: readonly (keyof MaskShares)[] = ['shared', 'selfish', 'catastrophic'];

/** Catastrophic, selfish and shared entries by layer. */
export function shareSeries(axes: NetworkAxes, rows: readonly (MaskSums | null)[]): Series {
  const shares = rows.map((sums) => sums?.shares() ?? null);
  return {
    kind: 'series',
    id: 'shares',
    title: 'Catastrophic, selfish and shared entries',
    caption: `Entries in no mask, in exactly one, in more than one. ${MASK_COVERAGE} Layers in network order.`,
    x: { title: 'layer', values: axes.rows.map(({ label }) => label) },
    lines: SHARES.map((name) => ({ name, values: packNumbers(shares.map((row) => row?.[name] ?? null)) })),
    unit: 'share',
    style: 'stacked',
    places: axes.rows,
  };
}

/** Density and error of every task over the λ that the authors search; nothing where they were not tried. */
export function gridSeries(study: Study, all: MaskSums, grid: readonly number[]): Series[] {
  if (grid.length === 0) return [];
  const series = (figure: (task: number, value: number) => number | null) => ({
    kind: 'series' as const,
    x: { title: 'λ', values: grid },
    lines: study.tasks.map(({ name }, task) => ({
      name,
      task: name,
      values: packNumbers(grid.map((_, value) => figure(task, value))),
    })),
  });
  return [
    {
      ...series((task, value) => all.gridDensity(task, value)),
      id: 'grid:density',
      title: 'Mask density over λ',
      caption: `With the same λ for all tasks. ${MASK_COVERAGE}`,
      unit: 'share',
    },
    {
      ...series((task, value) => all.gridError(task, value)),
      id: 'grid:error',
      title: 'Reconstruction error over λ',
      caption: `proxy: least at λ = 1 by construction, so that accuracy on validation data must choose λ. ${MASK_COVERAGE}`,
      unit: '‖m∘τ_MTL − τ‖ / ‖τ‖',
    },
  ];
}
