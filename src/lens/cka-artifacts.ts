import type { TaskVector } from '../model/task-vector';
import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import type { Estimator, LayerPair, Side } from './activations/layer-comparison';
import { extent } from './domain';

/** A fine-tune beside its base; the base alone without tasks. */
export interface ComparedTask {
  readonly task: TaskVector | null;
  readonly sides: readonly Side[];
  readonly estimator: Estimator;
  readonly caption: string;
  readonly rsaCaption: string;
}

const TITLES = {
  base_base: 'base × base',
  base_ft: 'base × fine-tune',
  ft_ft: 'fine-tune × fine-tune',
} as const;

/** A figure of a pair of layers that has a matrix. */
interface Figure {
  readonly key: keyof LayerPair;
  /** What stands behind the id of the side. */
  readonly suffix: string;
  readonly title: string;
  readonly facet: string;
  readonly unit: string;
}

const RSA: Figure = { key: 'rsa', suffix: ':rsa', title: 'RSA', facet: 'RSA', unit: 'Spearman’s ρ' };

const FIGURES: Readonly<Record<Estimator, readonly Figure[]>> = {
  full: [
    { key: 'cka', suffix: '', title: 'CKA', facet: 'plain', unit: 'CKA' },
    { key: 'debiased', suffix: ':debiased', title: 'Debiased CKA', facet: 'debiased', unit: 'CKA' },
    RSA,
  ],
  minibatch: [{ key: 'cka', suffix: '', title: 'Minibatch CKA', facet: 'minibatch', unit: 'CKA' }, RSA],
};

/** The matrices of one side: `base_ft`, `base_ft:debiased`, `base_ft:rsa`; with `:TASK` where there are several. */
export function sideMatrices(
  { id, cells }: Side,
  { task, estimator, caption, rsaCaption }: ComparedTask,
  entries: readonly AxisEntry[],
  several: boolean,
): readonly Matrix[] {
  const name = task?.name;
  return FIGURES[estimator].map(({ key, suffix, title, facet, unit }) => {
    const values = cells.map((cell) => cell[key]);
    return {
      kind: 'matrix',
      id: `${id}${suffix}${several && name !== undefined ? `:${name}` : ''}`,
      title: `${title}, ${TITLES[id]}${name === undefined ? '' : ` of ${name}`}`,
      facets: { models: TITLES[id], estimator: facet, ...(name === undefined ? {} : { task: name }) },
      caption: key === 'rsa' ? rsaCaption : caption,
      rows: entries,
      columns: entries,
      rowTitle: id === 'ft_ft' ? 'fine-tune' : 'base',
      columnTitle: id === 'base_base' ? 'base' : 'fine-tune',
      values: packNumbers(values),
      unit,
      scale: 'sequential',
      // Estimates without bias, and correlations, may fall below 0.
      domain: [Math.min(0, extent(values)?.[0] ?? 0), 1],
    };
  });
}

/** A row for every pair of layers of one side. */
export function pairRows(
  { id, cells }: Side,
  { task }: ComparedTask,
  entries: readonly AxisEntry[],
): Table['rows'] {
  return entries.flatMap((row, i) =>
    entries.map((column, j) => {
      const cell = cells[i * entries.length + j];
      return [
        task?.name ?? null,
        id,
        row.label,
        column.label,
        cell?.cka ?? null,
        cell?.debiased ?? null,
        cell?.rsa ?? null,
        cell?.pearson ?? null,
      ];
    }),
  );
}

/** All comparisons. */
export function pairTable(rows: Table['rows']): Table {
  return {
    kind: 'table',
    id: 'pairs',
    title: 'All comparisons',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'models', title: 'Models', type: 'text' },
      { name: 'row', title: 'Row', type: 'text' },
      { name: 'column', title: 'Column', type: 'text' },
      { name: 'cka', title: 'CKA', type: 'number' },
      { name: 'debiased', title: 'Debiased CKA', type: 'number' },
      { name: 'rsa', title: 'RSA (Spearman)', type: 'number' },
      { name: 'rsa_pearson', title: 'RSA (Pearson)', type: 'number' },
    ],
    rows,
  };
}
