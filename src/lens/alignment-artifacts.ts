import type { Study } from '../model/study';
import type { Artifact, AxisEntry, Matrix, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { alignmentAdvice } from './alignment-notes';
import type { Alignments, TaskAlignment, TensorAlignment } from './alignment-pass';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';

/** Which tensors count. */
export const ALIGNMENT_COVERAGE =
  'Counted: every tensor of two dimensions or more that at least two tasks change, taken as stored: first dimension × the rest.';
const SAR_CAPTION =
  'Subspace alignment ratio of a task with the sum of all task vectors: the share of ‖τ‖_F within the leading left singular vectors that leave at most 5 % of the sum’s norm outside.';
const FLATTENED_CAPTION =
  'The same with the sum’s singular values all set to their mean, as Iso-C does; embeddings and convolutions, which Iso-C only averages, keep the figure of the sum.';
const MOST_TASKS_BY_LAYER = 50;

interface TaskFigure {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly caption: string;
  of(task: TaskAlignment): number | null;
}

const FIGURES: readonly TaskFigure[] = [
  {
    metric: 'sar',
    title: 'Alignment with the sum',
    unit: 'SAR',
    caption: SAR_CAPTION,
    of: ({ sar }) => sar,
  },
  {
    metric: 'sar_flattened',
    title: 'Alignment after flattening',
    unit: 'SAR',
    caption: `${SAR_CAPTION} ${FLATTENED_CAPTION}`,
    of: ({ flattenedSar }) => flattenedSar,
  },
  {
    metric: 'sar_gain',
    title: 'Gain by flattening',
    unit: 'SAR after − before',
    caption: FLATTENED_CAPTION,
    of: ({ sar, flattenedSar }) => (sar === null || flattenedSar === null ? null : flattenedSar - sar),
  },
  {
    metric: 'shared_energy',
    title: 'Energy in shared directions',
    unit: 'share',
    caption:
      'proxy: ‖Pτ‖²/‖τ‖² with P onto as many joint left directions as each task brings; DOGE brings min(m, n)/T per task and keeps a part of them.',
    of: ({ sharedEnergy }) => sharedEnergy,
  },
];

/** All figures of a result, in the order in which a reader meets them. */
export function alignmentArtifacts(study: Study, { tensors, overlaps }: Alignments): Artifact[] {
  const axes = networkAxes(tensors.map(({ place }) => place));
  const size = axes.rows.length * axes.columns.length;
  const heatmaps = FIGURES.flatMap((figure) => {
    const values = study.tasks.map((_, task) =>
      meansOf(
        size,
        tensors.map((tensor) => {
          const own = tensor.tasks.find((each) => each.task === task);
          return [axes.cellOf(tensor.place), own ? figure.of(own) : null];
        }),
      ),
    );
    const defined = values.flat().filter((value) => value !== null);
    const largest = Math.max(...defined.map(Math.abs), 1e-12);
    const diverging = figure.metric === 'sar_gain';
    const domain =
      defined.length === 0 ? null : diverging ? ([-largest, largest] as const) : ([0, 1] as const);
    return study.tasks.map(({ name }, task) =>
      networkMatrix(axes, values[task] ?? [], {
        id: `${figure.metric}:${name}`,
        title: `${figure.title} · ${name}`,
        facets: { metric: figure.metric, task: name },
        caption: `${figure.caption} A cell is the mean over its tensors. ${ALIGNMENT_COVERAGE} ${AXES_CAPTION}`,
        unit: figure.unit,
        scale: diverging ? 'diverging' : 'sequential',
        domain,
      }),
    );
  });
  const interference = meansOf(
    size,
    tensors.map((tensor) => [axes.cellOf(tensor.place), tensor.relativeInterference]),
  );
  return [
    alignmentAdvice(study, tensors),
    ...heatmaps,
    networkMatrix(axes, interference, {
      id: 'interference-map',
      title: 'Singular-task interference',
      facets: { metric: 'interference' },
      caption: `proxy: ‖(UᵀU − I) Σ (VᵀV − I)‖₁ of the strongest directions of all tasks, divided by Σσ so that tensors compare; the table has the undivided figure. ${ALIGNMENT_COVERAGE} ${AXES_CAPTION}`,
      unit: 'interference / Σσ',
      scale: 'sequential',
      domain: fromZero(interference),
    }),
    ...overlapMatrices(study, overlaps),
    sarTable(study, tensors),
    pairTable(study, tensors),
    interferenceTable(tensors),
  ];
}

function meansOf(size: number, values: readonly (readonly [number, number | null])[]): (number | null)[] {
  const sums = new Float64Array(size);
  const counts = new Float64Array(size);
  for (const [cell, value] of values) {
    if (value === null || cell < 0) continue;
    sums[cell] = (sums[cell] as number) + value;
    counts[cell] = (counts[cell] as number) + 1;
  }
  return Array.from(sums, (sum, cell) => {
    const count = counts[cell] ?? 0;
    return count > 0 ? sum / count : null;
  });
}

function overlapMatrices(study: Study, overlaps: Alignments['overlaps']): Matrix[] {
  const entries = study.tasks.map(({ name }): AxisEntry => ({ label: name, task: name }));
  const means = overlaps.means();
  return (entries.length > MOST_TASKS_BY_LAYER ? means.slice(0, 1) : means).map(
    ({ scope, label, values }) => ({
      kind: 'matrix' as const,
      id: `overlap:${scope}`,
      title: `Overlap of the tasks’ subspaces · ${label}`,
      facets: { metric: 'overlap', scope },
      caption: `‖UᵢᵀUⱼ‖²/k of the strongest left singular vectors: the mean squared cosine of the principal angles. 0: orthogonal, 1: the same subspace. The mean over tensors. ${ALIGNMENT_COVERAGE}`,
      rows: entries,
      columns: entries,
      rowTitle: 'task',
      columnTitle: 'task',
      values: packNumbers(values),
      unit: 'overlap',
      scale: 'sequential' as const,
      domain: [0, 1] as const,
    }),
  );
}

function sarTable(study: Study, tensors: readonly TensorAlignment[]): Table {
  const rows = study.tasks.flatMap(({ name }, task) =>
    tensors.flatMap((tensor): TableCell[][] => {
      const own = tensor.tasks.find((each) => each.task === task);
      if (!own) return [];
      const { place } = tensor;
      const { sar, flattenedSar, sharedEnergy, ownEnergy } = own;
      return [
        [
          name,
          tensor.tensor,
          sar,
          tensor.rank,
          flattenedSar,
          tensor.flattenedRank,
          sharedEnergy,
          ownEnergy,
          place.layer,
          place.module,
          place.row,
        ],
      ];
    }),
  );
  return {
    kind: 'table',
    id: 'sar',
    title: 'Subspace alignment',
    caption: `${SAR_CAPTION} ${FLATTENED_CAPTION} Undefined where the task or the sum is zero. ${ALIGNMENT_COVERAGE}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'sar', title: 'SAR', type: 'number' },
      { name: 'rank', title: 'Directions', type: 'integer' },
      { name: 'sar_flattened', title: 'SAR after flattening', type: 'number' },
      { name: 'rank_flattened', title: 'Directions after flattening', type: 'integer' },
      { name: 'shared_energy', title: 'Energy in shared directions', type: 'share' },
      { name: 'own_energy', title: 'Energy in as many of its own', type: 'share' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows,
  };
}

function pairTable(study: Study, tensors: readonly TensorAlignment[]): Table {
  const name = (task: number) => study.tasks[task]?.name ?? '';
  const degrees = (cosine: number) => (Math.acos(cosine) * 180) / Math.PI;
  return {
    kind: 'table',
    id: 'angles',
    title: 'Principal angles between tasks',
    caption: `Between the strongest left singular vectors of two tasks. ${ALIGNMENT_COVERAGE} With very many pairs only the first tensors are listed; the overlap matrices count all.`,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'overlap', title: 'Overlap', type: 'number' },
      { name: 'smallest_angle', title: 'Smallest angle (°)', type: 'number' },
      { name: 'largest_angle', title: 'Largest angle (°)', type: 'number' },
    ],
    rows: tensors.flatMap(({ tensor, pairs }) =>
      pairs.map(({ a, b, overlap, closest, farthest }): TableCell[] => [
        tensor,
        name(a),
        name(b),
        overlap,
        degrees(closest),
        degrees(farthest),
      ]),
    ),
  };
}

function interferenceTable(tensors: readonly TensorAlignment[]): Table {
  return {
    kind: 'table',
    id: 'interference',
    title: 'Singular-task interference',
    caption: `‖(UᵀU − I) Σ (VᵀV − I)‖₁ of the strongest directions of all tasks; beside it the same over Σσ. ${ALIGNMENT_COVERAGE}`,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'interference', title: 'Interference', type: 'number' },
      { name: 'relative', title: 'Interference / Σσ', type: 'number' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
    ],
    rows: tensors.map(({ tensor, place, interference, relativeInterference }): TableCell[] => [
      tensor,
      interference,
      relativeInterference,
      place.layer,
      place.module,
    ]),
  };
}
