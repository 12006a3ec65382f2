import type { TableColumn } from '../protocol/artifact';
import { fromZero, upToOne } from './domain';
import type { ProfileFigures } from './profile-sums';

/** One figure of a task vector: its column in tables, its heatmap. */
export interface DeltaMetric {
  readonly name: Exclude<keyof ProfileFigures, 'norm_base'>;
  readonly title: string;
  readonly unit: string;
  readonly type: TableColumn['type'];
  /** How a cell joins its tensors. */
  readonly cell: string;
  /** Needs a look at every element, which for an adapter is done only on demand. */
  readonly elementwise: boolean;
  domain(values: Iterable<number | null>): readonly [number, number] | null;
}

const unitInterval = (values: Iterable<number | null>) => fromZero(values) && ([0, 1] as const);

/** The figures in the order in which a view offers them. */
const DELTA_METRICS: readonly DeltaMetric[] = [
  {
    name: 'relative',
    title: 'Relative norm',
    unit: '‖τ‖ / ‖θ₀‖',
    type: 'number',
    cell: 'A cell is √Σ‖τ‖² / √Σ‖θ₀‖² over its tensors.',
    elementwise: false,
    domain: fromZero,
  },
  {
    name: 'norm',
    title: 'Norm',
    unit: '‖τ‖',
    type: 'number',
    cell: 'A cell is √Σ‖τ‖² over its tensors.',
    elementwise: false,
    domain: fromZero,
  },
  {
    name: 'cosine',
    title: 'Cosine with the base',
    unit: 'cos(θ₀, θ)',
    type: 'number',
    cell: 'A cell takes its tensors as one vector.',
    elementwise: false,
    domain: upToOne,
  },
  {
    name: 'max_abs',
    title: 'Largest change',
    unit: 'max |τ|',
    type: 'number',
    cell: 'A cell is the largest of its tensors.',
    elementwise: true,
    domain: fromZero,
  },
  {
    name: 'identical_share',
    title: 'Identical entries',
    unit: 'share',
    type: 'share',
    cell: 'A cell is the share of all entries of its tensors with τ = 0.',
    elementwise: true,
    domain: unitInterval,
  },
  {
    name: 'sign_flip_share',
    title: 'Sign flips',
    unit: 'share',
    type: 'share',
    cell: 'A cell is the share of all entries of its tensors with θ₀·θ < 0.',
    elementwise: true,
    domain: fromZero,
  },
];

const BELOW_EPSILON: DeltaMetric = {
  name: 'below_epsilon_share',
  title: 'Entries within ε',
  unit: 'share',
  type: 'share',
  cell: 'A cell is the share of all entries of its tensors with |τ| ≤ ε·rms(θ₀), rms of each tensor.',
  elementwise: true,
  domain: unitInterval,
};

/** The figures in the order in which a view offers them. With ε = 0 the entries within ε are the identical ones, and not named twice. */
export function deltaMetrics(epsilon: number): readonly DeltaMetric[] {
  return epsilon > 0 ? [...DELTA_METRICS, BELOW_EPSILON] : DELTA_METRICS;
}

/** In tables the norm stands beside the base's, before their ratio. */
function inTables(epsilon: number): readonly DeltaMetric[] {
  const metrics = deltaMetrics(epsilon);
  const norm = metrics.filter(({ name }) => name === 'norm');
  return [...norm, ...metrics.filter(({ name }) => name !== 'norm')];
}

/** Table columns of all figures, the base's norm first. */
export function figureColumns(epsilon: number): readonly TableColumn[] {
  return [
    { name: 'norm_base', title: '‖θ₀‖', type: 'number' },
    ...inTables(epsilon).map(({ name, title, type }): TableColumn => ({ name, title, type })),
  ];
}

/** Cells for {@link figureColumns}. */
export function figureCells(figures: ProfileFigures, epsilon: number): (number | null)[] {
  return [figures.norm_base, ...inTables(epsilon).map(({ name }) => figures[name])];
}
