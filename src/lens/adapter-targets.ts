import type { TensorEntry } from '../format/checkpoint';
import type { AdapterTarget } from '../model/adapters/family';
import { compareRows, placeOf } from '../model/naming';
import type { Place } from '../model/place';
import type { Matrix, Table, TableCell } from '../protocol/artifact';
import type { TensorNorm } from './adapter-norms';
import type { AdapterTask } from './adapter-tasks';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import { finiteOrNull } from './profile-sums';

/** One thing that an adapter changes, as a row of its card. */
export interface CardTarget {
  /** The base's name for the module, else the adapter's own. */
  readonly module: string;
  readonly place: Place;
  readonly kind: string;
  readonly rank: number | null;
  readonly alpha: number | null;
  /** `null` where there is nothing to scale. */
  readonly scale: number | null;
  /** `null` where the target was left out, or its ΔW cannot be formed. */
  readonly norm: TensorNorm | null;
  /** What the names of its tensors have in common. */
  readonly prefix: string;
  readonly isPlaced: boolean;
}

/** What an adapter changes: its targets and the parameters it saved whole, in network order. */
export function cardTargets(
  { adapter, task }: AdapterTask,
  norms: ReadonlyMap<string, TensorNorm>,
): CardTarget[] {
  const { description, placed } = adapter;
  const isRsLora = description.config?.rsLora ?? false;
  const targets = description.targets.map((target): CardTarget => {
    const tensor = placed.get(target);
    const { title, rank, storedRank, alpha, scale } = target;
    return {
      module: moduleOf(tensor, target),
      place: placeOf(tensor ?? `${target.module}.${target.parameter}`),
      kind: isRsLora && title === 'LoRA' ? 'rsLoRA' : title,
      rank: storedRank ?? rank,
      alpha,
      scale: rank === null && scale === 1 ? null : scale,
      norm: (tensor === undefined ? null : norms.get(tensor)) ?? null,
      prefix: commonPrefix(target.tensors),
      isPlaced: tensor !== undefined,
    };
  });
  const dense = new Map(
    [...task.deltas].flatMap(([name, delta]) =>
      delta.kind === 'dense' ? [[delta.span, name] as const] : [],
    ),
  );
  const saved = description.saved.map(({ tensor, entry }): CardTarget => {
    const name = dense.get(entry.span);
    return {
      module: name ?? tensor,
      place: placeOf(name ?? tensor),
      kind: 'saved whole',
      rank: null,
      alpha: null,
      scale: null,
      norm: (name === undefined ? null : norms.get(name)) ?? null,
      prefix: entry.name,
      isPlaced: name !== undefined,
    };
  });
  return [...targets, ...saved].sort((x, y) => compareRows(x.place.row, y.place.row));
}

function moduleOf(tensor: string | undefined, { module, parameter }: AdapterTarget): string {
  if (tensor === undefined) return module;
  return tensor.endsWith(`.${parameter}`) ? tensor.slice(0, -parameter.length - 1) : tensor;
}

/** The common beginning of names up to a dot; of a single name all but its last piece. */
function commonPrefix(tensors: readonly TensorEntry[]): string {
  const [first = '', ...others] = tensors.map(({ name }) => name.split('.'));
  const pieces = [...first].slice(0, -1);
  const end = pieces.findIndex((piece, at) => others.some((other) => other[at] !== piece));
  return (end < 0 ? pieces : pieces.slice(0, end)).join('.');
}

/** ‖ΔW‖/‖W₀‖. */
export function relativeOf({ norm }: CardTarget): number | null {
  if (norm?.norm === null || norm?.norm === undefined || norm.base === null) return null;
  return finiteOrNull(norm.norm / norm.base);
}

/** One row per target. `suffix` tells the tables of several adapters apart. */
export function targetTable(name: string, targets: readonly CardTarget[], suffix: string): Table {
  return {
    kind: 'table',
    id: `targets${suffix}`,
    title: `Targets · ${name}`,
    facets: { task: name },
    caption:
      'One row per parameter that the adapter changes. The rank is that of its tensors. A norm is undefined where a value is not finite, where the module is not in the base, or where ΔW can only be formed beside a base.',
    columns: [
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'kind', title: 'Kind', type: 'text' },
      { name: 'rank', title: 'Rank', type: 'integer' },
      { name: 'alpha', title: 'Alpha', type: 'number' },
      { name: 'scale', title: 'Scale', type: 'number' },
      { name: 'norm', title: '‖ΔW‖', type: 'number' },
      { name: 'norm_base', title: '‖W₀‖', type: 'number' },
      { name: 'relative', title: '‖ΔW‖/‖W₀‖', type: 'number' },
      { name: 'tensor_prefix', title: 'Tensors in the file', type: 'text' },
    ],
    rows: targets.map((target): TableCell[] => [
      target.module,
      target.place.layer,
      target.kind,
      target.rank,
      target.alpha,
      target.scale,
      target.norm?.norm ?? null,
      target.norm?.base ?? null,
      relativeOf(target),
      target.prefix,
    ]),
  };
}

interface CardMetric {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly cell: string;
  join(targets: readonly CardTarget[]): number | null;
}

const METRICS: readonly CardMetric[] = [
  {
    name: 'relative',
    title: 'Relative norm',
    unit: '‖ΔW‖ / ‖W₀‖',
    cell: 'A cell is √Σ‖ΔW‖² / √Σ‖W₀‖² over its targets.',
    join: (targets) => {
      const [own, base] = [rootOf(targets, 'norm'), rootOf(targets, 'base')];
      return own === null || base === null ? null : finiteOrNull(own / base);
    },
  },
  {
    name: 'norm',
    title: 'Norm of the change',
    unit: '‖ΔW‖',
    cell: 'A cell is √Σ‖ΔW‖² over its targets.',
    join: (targets) => rootOf(targets, 'norm'),
  },
  {
    name: 'rank',
    title: 'Rank',
    unit: 'rank',
    cell: 'A cell is the largest rank of its targets.',
    join: (targets) =>
      targets.reduce<number | null>(
        (most, { rank }) => (rank === null ? most : Math.max(most ?? rank, rank)),
        null,
      ),
  },
];

function rootOf(targets: readonly CardTarget[], which: 'norm' | 'base'): number | null {
  const values = targets.flatMap(({ norm }) => norm?.[which] ?? []);
  return values.length === 0 ? null : Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** Targets as layer × module heatmaps; a figure that no target has is left out. */
export function targetHeatmaps(name: string, targets: readonly CardTarget[]): Matrix[] {
  const axes = networkAxes(targets.map(({ place }) => place));
  const cells = Array.from({ length: axes.rows.length * axes.columns.length }, (): CardTarget[] => []);
  for (const target of targets) cells[axes.cellOf(target.place)]?.push(target);
  return METRICS.flatMap((metric) => {
    const values = cells.map((own) => (own.length === 0 ? null : metric.join(own)));
    const domain = fromZero(values);
    if (domain === null) return [];
    return [
      networkMatrix(axes, values, {
        id: `${metric.name}:${name}`,
        title: `${metric.title} · ${name}`,
        facets: { metric: metric.name, task: name },
        caption: `${metric.cell} An empty cell is not adapted. ${AXES_CAPTION}`,
        unit: metric.unit,
        scale: 'sequential',
        domain,
        ...(metric.name === 'rank' ? {} : { measures: 'movement' as const }),
      }),
    ];
  });
}
