import type { Study } from '../model/study';
import type { Artifact, AxisEntry, Matrix, Scatter, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { classicalScaling } from './classical-scaling';
import { dendrogram, leafOrder, type Merge } from './linkage';
import type { PairSums } from './pair-sums';
import { cosine } from './profile-sums';
import type { Scope } from './similarity-scopes';
import type { TensorGram } from './task-gram';
import type { Grouping } from './task-groups';
import { shortNumber } from './wording';

const CAPTION =
  'Diverging about 0: 1 is the same direction, 0 unrelated (as unrelated task vectors nearly are), −1 opposed. An adapter counts as unchanged where it has no factors. Undefined where a task leaves everything unchanged.';

/** Cosines of every two tasks in one scope, with the dendrogram's order. */
export function similarityMatrix(
  study: Study,
  { name, label, sums }: Scope,
  merges: readonly Merge[],
): Matrix {
  const entries = taskAxis(study);
  const order = leafOrder(merges, sums.n);
  const values = entries.flatMap((_, i) => entries.map((__, j) => sums.cosine(i, j)));
  return {
    kind: 'matrix',
    id: name,
    title: `Cosine of task vectors · ${label}`,
    facets: { scope: name },
    caption: CAPTION,
    rows: entries,
    columns: entries,
    rowTitle: 'task',
    columnTitle: 'task',
    values: packNumbers(values),
    unit: 'cos(τᵢ, τⱼ)',
    scale: 'diverging',
    domain: values.some((value) => value !== null) ? [-1, 1] : null,
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
}

/** The dendrogram of one scope. */
export function similarityTree(study: Study, { name, label }: Scope, merges: readonly Merge[]): Artifact {
  return dendrogram(taskAxis(study), merges, {
    id: `tree:${name}`,
    title: `Groups of tasks · ${label}`,
    facets: { scope: name },
    caption:
      'Average linkage over 1 − cos(τᵢ, τⱼ). Where a cosine is undefined the tasks count as unrelated (distance 1).',
    unit: '1 − cos(τᵢ, τⱼ)',
  });
}

/** Tasks in a plane, distances standing for 1 − cos. */
export function similarityMap(
  study: Study,
  { name, label }: Scope,
  distances: Float64Array,
  grouping: Grouping,
): Scatter {
  const { x, y, stress } = classicalScaling(distances, study.tasks.length);
  const exact = stress === null ? '' : ` Stress ${shortNumber(stress)}: ${stressText(stress)}.`;
  return {
    kind: 'scatter',
    id: `map:${name}`,
    title: `Map of tasks · ${label}`,
    facets: { scope: name },
    caption: `Classical multidimensional scaling of 1 − cos(τᵢ, τⱼ); near points are tasks that move the weights alike, axes have no meaning of their own. Colours are the groups of the dendrogram's cut.${exact}`,
    x: { title: 'first axis', values: packNumbers([...x]) },
    y: { title: 'second axis', values: packNumbers([...y]) },
    points: taskAxis(study),
    groups: grouping.groups,
  };
}

function stressText(stress: number): string {
  if (stress < 0.05) return 'the plane shows the distances well';
  return stress < 0.2
    ? 'the plane shows the distances roughly'
    : 'a plane cannot show these distances, rely on the matrix';
}

/** 1 − cos of every two tasks, n × n, row-major; 1 where the cosine is undefined. */
export function distancesOf(sums: PairSums): Float64Array {
  const { n } = sums;
  return Float64Array.from({ length: n * n }, (_, at) => {
    const i = Math.floor(at / n);
    const j = at % n;
    return i === j ? 0 : 1 - (sums.cosine(i, j) ?? 0);
  });
}

function taskAxis(study: Study): AxisEntry[] {
  return study.tasks.map(({ name }) => ({ label: name, task: name }));
}

/** Group and silhouette of every task. */
export function groupTable(study: Study, { groups, silhouettes }: Grouping): Table {
  return {
    kind: 'table',
    id: 'groups',
    title: 'Groups of tasks',
    caption:
      'The cut of the dendrogram of the whole model. A silhouette near 1 is a task well inside its group, below 0 one that is nearer to another; 0 for a task alone, undefined with one group.',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'group', title: 'Group', type: 'integer' },
      { name: 'silhouette', title: 'Silhouette', type: 'number' },
    ],
    rows: study.tasks.map(({ name }, task): TableCell[] => [
      name,
      groups[task] ?? null,
      silhouettes?.[task] ?? null,
    ]),
  };
}

/** More rows than this are of use to nobody, and slow everywhere. */
const MOST_ROWS = 200_000;

/** One row per scope and pair of tasks: the whole, layers, tensors; finer scopes only while there is room. */
export function pairTable(study: Study, scopes: readonly Scope[], tensors: readonly TensorGram[]): Table {
  const pairs = pairsOf(study.tasks.length);
  const coarse = scopes.filter(({ kind }) => kind !== 'module');
  const withLayers = coarse.length * pairs.length <= MOST_ROWS;
  const withTensors = withLayers && (coarse.length + tensors.length) * pairs.length <= MOST_ROWS;
  const name = (task: number) => study.tasks[task]?.name ?? '';
  const rows: TableCell[][] = [];
  for (const { kind, name: scope, sums } of coarse) {
    if (kind !== 'all' && !withLayers) continue;
    for (const [i, j] of pairs) rows.push([scope, name(i), name(j), sums.cosine(i, j), sums.dot(i, j)]);
  }
  for (const { tensor, gram, has } of withTensors ? tensors : []) {
    const n = has.length;
    for (const [i, j] of pairs) {
      const both = has[i] === true && has[j] === true;
      const dot = both ? (gram[i * n + j] as number) : null;
      const angle = dot === null ? null : cosine(dot, gram[i * n + i] as number, gram[j * n + j] as number);
      rows.push([tensor, name(i), name(j), angle, dot]);
    }
  }
  const left = withTensors
    ? ''
    : ` There are too many pairs to list ${withLayers ? 'single tensors' : 'layers and tensors'}.`;
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Pairs of tasks',
    caption: `Scope is the whole model ("all"), a layer ("(other)": what stands in no numbered layer), or a tensor. A pair counts the tensors that both tasks have.${left}`,
    columns: [
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
      { name: 'dot', title: '⟨τᵢ, τⱼ⟩', type: 'number' },
    ],
    rows,
  };
}

/** One row per module and pair of tasks, all layers together. */
export function moduleTable(study: Study, scopes: readonly Scope[]): Table {
  const modules = scopes.filter(({ kind }) => kind === 'module');
  const pairs = pairsOf(study.tasks.length).slice(0, Math.floor(MOST_ROWS / Math.max(1, modules.length)));
  const name = (task: number) => study.tasks[task]?.name ?? '';
  return {
    kind: 'table',
    id: 'modules',
    title: 'Pairs of tasks by module',
    caption: 'A module over all layers taken as one vector.',
    columns: [
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
      { name: 'dot', title: '⟨τᵢ, τⱼ⟩', type: 'number' },
    ],
    rows: modules.flatMap(({ name: module, sums }) =>
      pairs.map(([i, j]): TableCell[] => [module, name(i), name(j), sums.cosine(i, j), sums.dot(i, j)]),
    ),
  };
}

function pairsOf(n: number): (readonly [number, number])[] {
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (__, offset) => [i, i + 1 + offset] as const),
  ).flat();
}
