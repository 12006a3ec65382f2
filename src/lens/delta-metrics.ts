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
export const DELTA_METRICS: readonly DeltaMetric[] = [
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

const [RELATIVE, NORM, ...OTHERS] = DELTA_METRICS;
/** In tables the norm stands beside the base's, before their ratio. */
const IN_TABLES = [NORM, RELATIVE, ...OTHERS].filter((metric) => metric !== undefined);

/** Table columns of all figures, the base's norm first. */
export const FIGURE_COLUMNS: readonly TableColumn[] = [
  { name: 'norm_base', title: '‖θ₀‖', type: 'number' },
  ...IN_TABLES.map(({ name, title, type }): TableColumn => ({ name, title, type })),
];

/** Cells for {@link FIGURE_COLUMNS}. */
export function figureCells(figures: ProfileFigures): (number | null)[] {
  return [figures.norm_base, ...IN_TABLES.map(({ name }) => figures[name])];
}
