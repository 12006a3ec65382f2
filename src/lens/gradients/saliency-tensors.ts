import { placeOf } from '../../model/naming';
import type { Matrix, Scatter, Table } from '../../protocol/artifact';
import { packNumbers } from '../../protocol/numbers';
import { QUADRANTS, quadrantOf, standings } from '../../protocol/quadrants';
import { fromZero } from '../domain';
import { AXES_CAPTION, networkAxes, networkMatrix, type NetworkAxes } from '../network-axes';
import type { TensorSaliency, WeightSaliency } from './weight-saliency';

/** Saliency of one task's weights. */
export interface TaskSaliency {
  readonly task: string;
  readonly saliency: WeightSaliency;
}

/** What stands in one cell: sums over its tensors. */
interface CellSums {
  absolute: number;
  count: number;
  moved: number;
  base: number;
}

/** Layer × module heatmaps of one task. */
class SaliencyCells {
  private readonly axes: NetworkAxes;
  private readonly sums: readonly CellSums[];

  constructor(
    private readonly salient: TaskSaliency,
    private readonly caption: string,
  ) {
    const { tensors } = salient.saliency;
    const axes = networkAxes(tensors.map(({ tensor }) => placeOf(tensor)));
    this.axes = axes;
    const size = axes.rows.length * axes.columns.length;
    this.sums = Array.from({ length: size }, () => ({ absolute: 0, count: 0, moved: 0, base: 0 }));
    for (const { tensor, absolute, count, moved, base } of tensors) {
      const cell = this.sums[axes.cellOf(placeOf(tensor))];
      if (cell === undefined) continue;
      cell.absolute += absolute;
      cell.count += count;
      cell.moved += moved;
      cell.base += base;
    }
  }

  matrix(
    figure: { metric: string; title: string; unit: string; measures: 'movement' | 'importance' },
    of: (cell: CellSums) => number | null,
  ): Matrix {
    const { task } = this.salient;
    const values = this.sums.map((cell) => (cell.count === 0 ? null : of(cell)));
    const matrix = networkMatrix(this.axes, values, {
      id: `${figure.metric}:${task}`,
      title: `${figure.title} · ${task}`,
      facets: { metric: figure.metric, task },
      caption: `${this.caption} ${AXES_CAPTION}`,
      unit: figure.unit,
      scale: 'sequential',
      domain: fromZero(values),
      measures: figure.measures,
    });
    return { ...matrix, rows: matrix.rows.map((row) => ({ ...row, task })) };
  }
}

const SNIP = {
  metric: 'snip',
  title: 'Share of the sensitivity',
  unit: 'share',
  measures: 'importance',
} as const;

const MEAN = {
  metric: 'mean',
  title: 'Sensitivity of a weight on average',
  unit: '× the average of all weights',
  measures: 'importance',
} as const;

const MOVED = {
  metric: 'moved',
  title: 'Relative change, with the sensitivity as a bar',
  unit: '‖τ‖ / ‖θ₀‖',
  measures: 'movement',
} as const;

/**
 * SNIP by layer and module, of all weights there and of one on average; and, where the task has moved anything, how far it
 * moved, with the sensitivity of a weight laid over it.
 */
export function saliencyHeatmaps(task: TaskSaliency, caption: string): Matrix[] {
  const { tensors } = task.saliency;
  const { all, weights } = totals(tensors);
  const cells = new SaliencyCells(task, caption);
  const snip = cells.matrix(SNIP, ({ absolute }) => (all === 0 ? null : absolute / all));
  const mean = cells.matrix(MEAN, ({ absolute, count }) =>
    all === 0 ? null : absolute / count / (all / weights),
  );
  if (tensors.every(({ moved }) => moved === 0)) return [snip, mean];
  const moved = cells.matrix(MOVED, (cell) => (cell.base > 0 ? Math.sqrt(cell.moved / cell.base) : null));
  return [snip, mean, { ...moved, overlay: { title: MEAN.title, unit: MEAN.unit, values: mean.values } }];
}

function totals(tensors: readonly TensorSaliency[]): { all: number; weights: number } {
  return {
    all: tensors.reduce((sum, { absolute }) => sum + absolute, 0),
    weights: tensors.reduce((sum, { count }) => sum + count, 0),
  };
}

interface Placed {
  readonly tensor: string;
  /** Share of tensors that moved less, and that matter less a weight. */
  readonly moved: number;
  readonly matters: number;
  readonly quadrant: number;
}

/** ‖θ − θ₀‖ / ‖θ₀‖; `null` where θ₀ is 0. */
function movedShare({ moved, base }: TensorSaliency): number | null {
  return base > 0 ? Math.sqrt(moved / base) : null;
}

/** Where each tensor stands among all by how far it moved and by its sensitivity a weight. */
function placed({ saliency: { tensors } }: TaskSaliency): readonly Placed[] {
  const known = tensors.filter(({ base, noise }) => base > 0 && !noise);
  // At the base itself nothing has moved.
  if (known.every((each) => each.moved === 0)) return [];
  const moved = standings(known.map((each) => movedShare(each) ?? 0));
  const matters = standings(known.map(({ absolute, count }) => absolute / Math.max(1, count)));
  return known.map(({ tensor }, at) => {
    const [x, y] = [moved[at] ?? 0, matters[at] ?? 0];
    return { tensor, moved: x, matters: y, quadrant: quadrantOf(x, y) };
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
      title: `What moved and what matters · ${task.task}`,
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
      return each.saliency.tensors.map((row) => {
        const { tensor, signed, absolute, count, noise } = row;
        return [
          each.task,
          tensor,
          noise ? null : signed,
          noise ? null : signed * signed,
          noise || all === 0 ? null : absolute / all,
          noise ? null : absolute / Math.max(1, count),
          movedShare(row),
          quadrants.get(tensor) ?? null,
          noise,
        ];
      });
    }),
  };
}
