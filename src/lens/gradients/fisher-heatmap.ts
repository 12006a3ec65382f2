import { compareModules, compareRows, placeOf, rowLabel } from '../../model/naming';
import type { Matrix } from '../../protocol/artifact';
import { packNumbers } from '../../protocol/numbers';
import { extent, fromZero } from '../domain';
import type { TaskFisher } from './fisher-models';
import type { TensorFisher } from './fisher-pass';

/** A figure per layer and module: of all tensors there together. */
export function fisherHeatmap(
  { task, fisher, caption }: TaskFisher,
  figure: {
    readonly metric: string;
    readonly title: string;
    readonly unit: string;
    /** `null`: undefined. */
    readonly of: (tensors: readonly TensorFisher[]) => number | null;
    /** The figure is a logarithm. */
    readonly logarithmic?: boolean;
  },
): Matrix {
  const cells = new Map<string, TensorFisher[]>();
  for (const tensor of fisher.tensors) {
    const { row, module } = placeOf(tensor.tensor);
    const key = `${row}\n${module}`;
    const known = cells.get(key);
    if (known) known.push(tensor);
    else cells.set(key, [tensor]);
  }
  const keys = [...cells.keys()].map((key) => key.split('\n') as [string, string]);
  const rows = [...new Set(keys.map(([row]) => row))].sort(compareRows);
  const modules = [...new Set(keys.map(([, module]) => module))].sort(compareModules);
  const values = rows.flatMap((row) =>
    modules.map((module) => {
      const tensors = cells.get(`${row}\n${module}`);
      return tensors ? figure.of(tensors) : null;
    }),
  );
  return {
    kind: 'matrix',
    id: `${figure.metric}:${task}`,
    title: `${figure.title} · ${task}`,
    facets: { metric: figure.metric, task },
    caption,
    rows: rows.map((layer) => ({ label: rowLabel(layer), layer, task })),
    columns: modules.map((module) => ({ label: module, module })),
    rowTitle: 'layer',
    columnTitle: 'module',
    values: packNumbers(values),
    unit: figure.unit,
    measures: 'importance',
    scale: 'sequential',
    domain: figure.logarithmic === true ? extent(values) : fromZero(values),
  };
}
