import type { Study } from '../model/study';
import type { AxisEntry, Matrix, Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';
import { averageLinkage, leafOrder } from './linkage';
import { AXES_CAPTION, networkMatrix, type NetworkAxes } from './network-axes';
import type { Scope } from './scopes';
import { SIGN_COVERAGE } from './sign-tables';
import type { SignFigures, SignSums } from './sign-sums';

/** Sums of every cell of a layer × module heatmap; `null` for a cell without tensors. */
export interface ConflictCells {
  readonly axes: NetworkAxes;
  readonly sums: (SignSums | null)[];
  /** The same of every row of it. */
  readonly rows: (SignSums | null)[];
  /** Whether the cells know single pairs. */
  readonly withPairs: boolean;
}

/** Share of entries with both signs, and conflict index, by layer and module. */
export function conflictHeatmaps({ axes, sums }: ConflictCells): Matrix[] {
  const figures = sums.map((each) => each?.figures() ?? null);
  const any = figures.map((each) => each?.conflict_any ?? null);
  const index = figures.map((each) => each?.index ?? null);
  return [
    networkMatrix(axes, any, {
      id: 'conflict_any',
      title: 'Entries with both signs',
      facets: { metric: 'conflict_any' },
      caption: `Share of all entries of a cell that some task increased and another decreased. ${SIGN_COVERAGE} ${AXES_CAPTION}`,
      unit: 'share',
      scale: 'sequential',
      domain: fromZero(any),
    }),
    networkMatrix(axes, index, {
      id: 'index',
      title: 'Conflict index',
      facets: { metric: 'index' },
      caption: `proxy: 1 − ‖Στ‖² / (T Σ‖τ‖²): 0 identical, 1 − 1/T orthogonal, 1 cancelling. T is the number of tasks that have a tensor. ${SIGN_COVERAGE} ${AXES_CAPTION}`,
      unit: '1 − ‖Στ‖² / (T Σ‖τ‖²)',
      scale: 'sequential',
      domain: index.some((each) => each !== null) ? [0, 1] : null,
    }),
  ];
}

/** conflict(i, j) as a matrix for the whole and each layer. */
export function conflictMatrices(study: Study, scopes: readonly Scope<SignSums>[]): Matrix[] {
  const entries = study.tasks.map(({ name }): AxisEntry => ({ label: name, task: name }));
  return scopes.flatMap(({ kind, name, label, sums }): Matrix[] => {
    if (kind === 'tensor') return [];
    const values = entries.flatMap((_, i) => entries.map((__, j) => sums.conflict(i, j)));
    // Where nothing is known of a pair it is as good as unrelated.
    const distances = Float64Array.from(values, (value) => value ?? 0.5);
    const order = leafOrder(averageLinkage(distances, entries.length), entries.length);
    return [
      {
        kind: 'matrix',
        id: name,
        title: `Opposite signs · ${label}`,
        facets: { metric: 'pairs', scope: name },
        caption:
          'Share of the entries that both tasks change in which they have opposite signs: 0.5 is chance, above it they pull against each other. Undefined where no entry is changed by both. The other order is by average linkage over these shares.',
        rows: entries,
        columns: entries,
        rowTitle: 'task',
        columnTitle: 'task',
        values: packNumbers(values),
        unit: 'share',
        scale: 'sequential',
        domain: fromZero(values),
        orders: [{ title: 'By conflict', rows: order, columns: order }],
      },
    ];
  });
}

/** Shares of entries that no task uses, one task or more, by layer. */
export function activitySeries(cells: ConflictCells, epsilon: number): Series {
  return stacked(
    cells,
    {
      id: 'activity',
      title: 'Inactive, unique and shared entries',
      caption: `Entries with |τ| > ${String(epsilon)} in no task, in exactly one, in more than one. ${SIGN_COVERAGE} Layers in network order.`,
    },
    [
      ['shared', 'shared'],
      ['unique', 'unique'],
      ['inactive', 'inactive'],
    ],
  );
}

/** Shares of entries by the sign that TIES elects, by layer. */
export function electionSeries(cells: ConflictCells): Series {
  return stacked(
    cells,
    {
      id: 'election',
      title: 'Elected signs',
      caption: `proxy: the sign of Στ over all changes; TIES elects after trimming each task vector to its largest entries. ${SIGN_COVERAGE} Layers in network order.`,
    },
    [
      ['positive', 'elected_positive'],
      ['negative', 'elected_negative'],
      ['sum is 0', 'elected_none'],
    ],
  );
}

function stacked(
  { axes, rows }: ConflictCells,
  head: Pick<Series, 'id' | 'title' | 'caption'>,
  lines: readonly (readonly [string, keyof SignFigures])[],
): Series {
  const figures = rows.map((each) => each?.figures() ?? null);
  return {
    kind: 'series',
    ...head,
    x: { title: 'layer', values: axes.rows.map(({ label }) => label) },
    lines: lines.map(([name, figure]) => ({
      name,
      values: packNumbers(figures.map((each) => each?.[figure] ?? null)),
    })),
    unit: 'share',
    style: 'stacked',
    places: axes.rows,
  };
}
