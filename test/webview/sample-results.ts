import type { LensResult, Matrix, Table, TableCell, Tree } from '../../src/protocol/artifact';
import type { LensDescription } from '../../src/protocol/lens';
import { packNumbers } from '../../src/protocol/numbers';
import type { RunSpec } from '../../src/protocol/study';

const MODULES = [
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.output',
  'mlp.up',
  'mlp.down',
  'norm.attention',
  'norm.mlp',
];

/** A small generator of numbers, the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export interface ProfileShape {
  readonly tasks?: readonly string[];
  readonly layers?: number;
  readonly modules?: readonly string[];
  readonly metrics?: readonly string[];
  readonly rowLabel?: (layer: number) => string;
}

/** What `delta-profile` gives for made-up fine-tunes: bell-shaped over depth, some cells zero, some undefined. */
export function profileResult(shape: ProfileShape = {}): LensResult {
  const {
    tasks = ['rot90'],
    layers = 12,
    modules = MODULES,
    metrics = ['relative', 'norm', 'cosine'],
  } = shape;
  const rowLabel = shape.rowLabel ?? ((layer) => `layer ${String(layer)}`);
  const rows = Array.from({ length: layers }, (_, layer) => ({
    label: rowLabel(layer),
    layer: `model.layers.${String(layer)}`,
  }));
  const columns = modules.map((module) => ({ label: module, module }));
  const random = seeded(7);
  const matrices = metrics.flatMap((metric) =>
    tasks.map((task, taskIndex): Matrix => {
      const values = rows.flatMap((_, row) =>
        columns.map((__, column) => sampleValue(random, row / layers, column, taskIndex)),
      );
      return {
        kind: 'matrix',
        id: `${metric}:${task}`,
        title: `${metric === 'relative' ? 'Relative norm' : metric} · ${task}`,
        facets: { metric, task },
        caption: 'Rows are layers in network order; columns are modules.',
        rows,
        columns,
        rowTitle: 'layer',
        columnTitle: 'module',
        values: packNumbers(values),
        unit: metric === 'relative' ? '‖τ‖ / ‖θ₀‖' : metric,
        scale: metric === 'cosine' ? 'diverging' : 'sequential',
        ...(metric === 'cosine' ? {} : { measures: 'movement' as const }),
        domain: metric === 'cosine' ? [-1, 1] : [0, 0.5],
      };
    }),
  );
  return result('delta-profile', tasks, [...matrices, tensorTable(tasks, rows.slice(0, 200), modules)]);
}

/** What `fisher` gives for the same made-up fine-tunes: the later a layer, the more it matters. */
export function fisherResult(tasks: readonly string[], layers = 12): LensResult {
  const rows = Array.from({ length: layers }, (_, layer) => ({
    label: `layer ${String(layer)}`,
    layer: `model.layers.${String(layer)}`,
  }));
  const matrices = tasks.map((task): Matrix => ({
    kind: 'matrix',
    id: `mean:${task}`,
    title: `Fisher information of a weight on average · ${task}`,
    facets: { metric: 'mean', task },
    rows,
    columns: MODULES.map((module) => ({ label: module, module })),
    rowTitle: 'layer',
    columnTitle: 'module',
    values: packNumbers(rows.flatMap((_, row) => MODULES.map(() => (row + 1) / layers))),
    unit: 'mean F',
    scale: 'sequential',
    domain: [0, 1],
    measures: 'importance',
  }));
  return result('fisher', tasks, matrices);
}

function sampleValue(random: () => number, depth: number, column: number, task: number): number | null {
  if (column === 7 && depth > 0.7) return null;
  if (column === 6 && depth < 0.2) return 0;
  const bell = Math.exp(-((depth - 0.3 - 0.1 * task) ** 2) * 8);
  return 0.45 * bell * (0.35 + 0.65 * random()) + 0.002;
}

function tensorTable(
  tasks: readonly string[],
  rows: readonly { layer: string }[],
  modules: readonly string[],
): Table {
  const random = seeded(11);
  const cells = tasks.flatMap((task) =>
    rows.flatMap(({ layer }) =>
      modules.flatMap((module): TableCell[][] =>
        ['weight', 'bias'].map((part) => [
          `${layer}.${module}.${part}`,
          task,
          layer,
          module,
          random(),
          random() * 2,
        ]),
      ),
    ),
  );
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'relative', title: 'Relative norm', type: 'number' },
      { name: 'norm', title: 'Norm', type: 'number' },
    ],
    rows: cells,
  };
}

/** What `task-similarity` gives: two groups of tasks, with their dendrogram. */
export function similarityResult(tasks: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f']): LensResult {
  const entries = tasks.map((task) => ({ label: task, task }));
  const cosine = (i: number, j: number) =>
    i === j ? 1 : i % 2 === j % 2 ? 0.62 - 0.03 * Math.abs(i - j) : -0.12;
  const values = tasks.flatMap((_, i) => tasks.map((__, j) => cosine(i, j)));
  const order = [...tasks.keys()].sort((a, b) => (a % 2) - (b % 2) || a - b);
  const all: Matrix = {
    kind: 'matrix',
    id: 'all',
    title: 'Cosine of task vectors · whole model',
    facets: { scope: 'all' },
    rows: entries,
    columns: entries,
    rowTitle: 'task',
    columnTitle: 'task',
    values,
    unit: 'cos(τᵢ, τⱼ)',
    scale: 'diverging',
    domain: [-1, 1],
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
  const layer: Matrix = {
    ...all,
    id: 'layer 0',
    title: 'Cosine of task vectors · layer 0',
    facets: { scope: 'layers.0' },
  };
  const tree: Tree = {
    kind: 'tree',
    id: 'tree:all',
    title: 'Groups of tasks',
    facets: { scope: 'all' },
    leaves: entries,
    merges: mergesOf(order, tasks.length),
    order,
    unit: '1 − cos',
  };
  const pairs: Table = {
    kind: 'table',
    id: 'pairs',
    title: 'Pairs of tasks',
    columns: ['scope', 'a', 'b'].map((name) => ({ name, title: name, type: 'text' })),
    rows: [],
  };
  const scopes = ['all', 'layers.0', 'layers.0.attention.query.weight'];
  const rows = scopes.flatMap((scope) =>
    tasks.flatMap((a, i) =>
      tasks.slice(i + 1).map((b, k): TableCell[] => [scope, a, b, cosine(i, i + 1 + k), 0.5]),
    ),
  );
  const columns: Table['columns'] = [
    ...pairs.columns,
    { name: 'cosine', title: 'Cosine', type: 'number' },
    { name: 'dot', title: 'Dot', type: 'number' },
  ];
  return result('task-similarity', tasks, [all, layer, tree, { ...pairs, columns, rows }]);
}

/** Leaves join their left neighbour one after the other, the two groups last. */
function mergesOf(order: readonly number[], count: number): Tree['merges'] {
  const merges: { left: number; right: number; height: number }[] = [];
  let node = order[0] ?? 0;
  for (let position = 1; position < order.length; position++) {
    merges.push({ left: node, right: order[position] ?? 0, height: 0.3 + (0.8 * position) / count });
    node = count + merges.length - 1;
  }
  return merges;
}

export function result(
  lens: string,
  tasks: readonly string[],
  artifacts: LensResult['artifacts'],
): LensResult {
  return {
    lens,
    version: 1,
    study: 'digits',
    parameters: {},
    inputs: tasks.map((name) => ({ name, path: `/models/${name}`, fingerprint: 'f'.repeat(16) })),
    artifacts,
    findings: [],
    elapsedMs: 840,
    bytesRead: 2_490_000,
  };
}

export const LENS: LensDescription = {
  id: 'delta-profile',
  version: 1,
  title: 'Where did training change the weights?',
  summary: 'Shows how far each layer and module moved away from the base.',
  formula: '‖τ‖ / ‖θ₀‖ with τ = θ − θ₀',
  reading: 'Dark cells moved most.',
  source: [
    {
      title: 'Editing Models with Task Arithmetic (Ilharco et al. 2023)',
      link: 'https://arxiv.org/abs/2212.04089',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [
    {
      name: 'bins',
      title: 'Bins',
      help: 'Bins of the histogram.',
      type: 'number',
      default: 64,
      minimum: 2,
      maximum: 512,
      integer: true,
    },
    { name: 'biases', title: 'Count biases', help: 'Whether biases count.', type: 'boolean', default: true },
    {
      name: 'norm',
      title: 'Norm',
      help: 'Which norm is taken.',
      type: 'choice',
      default: 'l2',
      choices: [
        { value: 'l2', title: 'Frobenius' },
        { value: 'l1', title: 'Sum of magnitudes' },
      ],
    },
  ],
};

/** A run of a lens over made-up files. */
export function runOf(lens: string, tasks: readonly string[]): RunSpec {
  const study = {
    name: 'digits',
    base: '/models/base',
    tasks: tasks.map((name) => ({ name, path: `/models/${name}` })),
  };
  return { lens, study, parameters: {} };
}
