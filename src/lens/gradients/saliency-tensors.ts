import { placeOf } from '../../model/naming';
import type { Matrix, Scatter, Table } from '../../protocol/artifact';
import { packNumbers } from '../../protocol/numbers';
import { fromZero } from '../domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from '../network-axes';
import type { TensorSaliency, WeightSaliency } from './weight-saliency';

/** Saliency of one task's weights. */
export interface TaskSaliency {
  readonly task: string;
  readonly saliency: WeightSaliency;
}

/** SNIP by layer and module, of all weights there and of one on average. */
export function saliencyHeatmaps({ task, saliency: { tensors } }: TaskSaliency, caption: string): Matrix[] {
  const axes = networkAxes(tensors.map(({ tensor }) => placeOf(tensor)));
  const size = axes.rows.length * axes.columns.length;
  const sums = Array.from({ length: size }, () => ({ absolute: 0, count: 0 }));
  for (const { tensor, absolute, count } of tensors) {
    const cell = sums[axes.cellOf(placeOf(tensor))];
    if (cell === undefined) continue;
    cell.absolute += absolute;
    cell.count += count;
  }
  const { all, weights } = totals(tensors);
  const made = (
    metric: string,
    title: string,
    unit: string,
    of: (cell: { absolute: number; count: number }) => number,
  ): Matrix => {
    const values = sums.map((cell) => (cell.count === 0 || all === 0 ? null : of(cell)));
    const matrix = networkMatrix(axes, values, {
      id: `${metric}:${task}`,
      title: `${title}, ${task}`,
      facets: { metric, task },
      caption: `${caption} ${AXES_CAPTION}`,
      unit,
      scale: 'sequential',
      domain: fromZero(values),
    });
    return { ...matrix, rows: matrix.rows.map((row) => ({ ...row, task })) };
  };
  return [
    made('snip', 'Share of the sensitivity', 'share', ({ absolute }) => absolute / all),
    made(
      'mean',
      'Sensitivity of a weight on average',
      '× the average of all weights',
      ({ absolute, count }) => absolute / count / (all / weights),
    ),
  ];
}

function totals(tensors: readonly TensorSaliency[]): { all: number; weights: number } {
  return {
    all: tensors.reduce((sum, { absolute }) => sum + absolute, 0),
    weights: tensors.reduce((sum, { count }) => sum + count, 0),
  };
}

/** The four quadrants, by group number. */
const QUADRANTS = ['moved and matters', 'matters, hardly moved', 'moved, hardly matters', 'neither'] as const;

interface Placed {
  readonly tensor: string;
  /** Share of tensors that moved less, and that matter less a weight. */
  readonly moved: number;
  readonly matters: number;
  readonly quadrant: number;
}

/** Where each tensor stands among all by how far it moved and by its sensitivity a weight. */
function placed({ saliency: { tensors } }: TaskSaliency): readonly Placed[] {
  const known = tensors.filter(({ moved, noise }) => moved !== null && !noise);
  // At the base itself nothing has moved.
  if (known.every((each) => each.moved === 0)) return [];
  const moved = ranks(known.map((each) => each.moved ?? 0));
  const matters = ranks(known.map(({ absolute, count }) => absolute / Math.max(1, count)));
  return known.map(({ tensor }, at) => {
    const [x, y] = [moved[at] ?? 0, matters[at] ?? 0];
    return { tensor, moved: x, matters: y, quadrant: (y >= 0.5 ? 0 : 2) + (x >= 0.5 ? 0 : 1) };
  });
}

/** Share of the other values that are less, 0 to 1; equal values count half. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length - 1;
    return values.length < 2 ? 0.5 : (below + equal / 2) / (values.length - 1);
  });
}

/** What moved against what matters, a point a tensor; none where no tensor has both. */
export function saliencyQuadrants(task: TaskSaliency, caption: string): Scatter[] {
  const points = placed(task);
  if (points.length === 0) return [];
  return [
    {
      kind: 'scatter',
      id: `quadrants:${task.task}`,
      title: `What moved and what matters, ${task.task}`,
      facets: { metric: 'quadrants', task: task.task },
      caption: `Tensors by rank of ‖τ‖/‖θ₀‖ and of the sensitivity of a weight on average. Upper right: moved and matters; upper left: matters, hardly moved; lower right: moved, hardly matters; lower left: neither. ${caption}`,
      x: { title: 'share of tensors that moved less', values: packNumbers(points.map(({ moved }) => moved)) },
      y: {
        title: 'share of tensors that matter less',
        values: packNumbers(points.map(({ matters }) => matters)),
      },
      points: points.map(({ tensor }) => {
        const { layer, module, layerLabel } = placeOf(tensor);
        return { label: `${layerLabel} ${module}`, layer, module, tensor, task: task.task };
      }),
      groups: points.map(({ quadrant }) => quadrant),
    },
  ];
}

/** Every tensor of every task. */
export function saliencyTable(tasks: readonly TaskSaliency[], caption: string): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Saliency of every tensor',
    caption,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'gradient_weight', title: 'Gradient × weight', type: 'number' },
      { name: 'taylor', title: 'Taylor', type: 'number' },
      { name: 'snip', title: 'SNIP', type: 'share' },
      { name: 'mean', title: 'Mean |θ·g|', type: 'number' },
      { name: 'moved', title: '‖τ‖ / ‖θ₀‖', type: 'number' },
      { name: 'quadrant', title: 'What moved and matters', type: 'text' },
      { name: 'noise', title: 'Rounding only', type: 'boolean' },
    ],
    rows: tasks.flatMap((each) => {
      const { all } = totals(each.saliency.tensors);
      const quadrants = new Map(placed(each).map(({ tensor, quadrant }) => [tensor, QUADRANTS[quadrant]]));
      return each.saliency.tensors.map(({ tensor, signed, absolute, count, moved, noise }) => [
        each.task,
        tensor,
        noise ? null : signed,
        noise ? null : signed * signed,
        noise || all === 0 ? null : absolute / all,
        noise ? null : absolute / Math.max(1, count),
        moved,
        quadrants.get(tensor) ?? null,
        noise,
      ]);
    }),
  };
}
