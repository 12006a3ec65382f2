import type { Artifact, AxisEntry, Matrix, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { extent } from './domain';
import { mixtureAdvice } from './mixture-advice';
import { fusionTable, gateTable } from './mixture-gates';
import type { ModuleGram, ReadMixture, ReadTable } from './mixture-models';
import { DEAD, effectiveOf, routingOf, usageOf } from './mixture-figures';
import { effectiveNumber } from './mixture-weights';
import { cosine } from './profile-sums';

/** Tables drawn one by one. */
const DRAWN = 24;

/** All that is said of the mixtures of a study. */
export function mixtureArtifacts(models: readonly ReadMixture[]): Artifact[] {
  const several = models.length > 1;
  const gates = models.flatMap((model) => gateTable(model));
  return [
    mixtureAdvice(models),
    ...models.flatMap((model) => {
      const suffix = several ? `:${model.name}` : '';
      const drawn = model.tables.slice(0, DRAWN);
      return [
        ...meanAllocation(model, suffix),
        ...taskMatrix(model, suffix),
        ...skillMatrix(model, suffix),
        ...drawn.map((table, at) => tableMatrix(model.name, table, `${suffix}:${String(at)}`)),
      ];
    }),
    allocationTable(models),
    moduleTable(models),
    skillTable(models),
    ...fusionTable(models),
    ...gates,
  ];
}

const labels = (title: string, count: number) =>
  Array.from({ length: count }, (_, at): AxisEntry => ({ label: `${title} ${String(at)}` }));

/** Columns are skills, or skills of every split. */
function columnLabels({ table }: ReadTable): AxisEntry[] {
  const { splits, columns, columnTitle } = table;
  if (splits === 1) return labels(columnTitle, columns);
  return Array.from({ length: splits * columns }, (_, at) => ({
    label: `${columnTitle} ${String(at % columns)} of split ${String(Math.floor(at / columns))}`,
  }));
}

function tableMatrix(task: string, read: ReadTable, suffix: string): Matrix {
  const { table, weights } = read;
  const values = [...weights];
  const isShare = table.weighing === 'normalised sigmoid' || table.weighing === 'softmax';
  return {
    kind: 'matrix',
    id: `weights${suffix}`,
    title: `${table.kind} · ${table.module || task}`,
    facets: { table: `${task}: ${table.module || table.kind}` },
    ...(table.kind === 'weights of layers'
      ? {
          caption:
            'proxy: softmax over the stored numbers, as mixes of layers use them mostly; the file does not say.',
        }
      : {}),
    rows: table.rows === 1 ? [{ label: table.module || task }] : labels(table.rowTitle, table.rows),
    columns: columnLabels(read),
    rowTitle: table.rowTitle,
    columnTitle: table.columnTitle,
    values: packNumbers(values),
    unit: isShare ? 'share' : table.weighing === 'inverse variance' ? 'exp(−s)' : 'coefficient',
    scale: values.some((value) => value < 0) ? 'diverging' : 'sequential',
    domain: isShare ? [0, 1] : symmetric(values),
  };
}

function symmetric(values: readonly number[]): readonly [number, number] | null {
  const range = extent(values);
  if (!range || range[0] >= 0) return range && [0, range[1]];
  const most = Math.max(-range[0], range[1]);
  return [-most, most];
}

/** Polytropon's tables of one model, which all have the same tasks. */
function routed({ tables }: ReadMixture): readonly ReadTable[] {
  const all = tables.filter(({ table }) => table.weighing === 'normalised sigmoid');
  const [first] = all;
  return all.filter(({ weights }) => weights.length === first?.weights.length);
}

function meanAllocation(model: ReadMixture, suffix: string): Matrix[] {
  const all = routed(model);
  const [first] = all;
  if (!first || all.length < 2) return [];
  const mean = Array.from(first.weights, (_, at) =>
    all.reduce((sum, { weights }) => sum + (weights[at] ?? 0) / all.length, 0),
  );
  return [
    {
      kind: 'matrix',
      id: `allocation${suffix}`,
      title: `Skills by task, mean of all modules${suffix}`,
      facets: { table: `${model.name}: mean of all modules` },
      caption:
        'Skills of different modules have no common meaning unless routing is shared; the mean shows how even it is.',
      rows: labels('task', first.table.rows),
      columns: columnLabels(first),
      rowTitle: 'task',
      columnTitle: 'skill',
      values: packNumbers(mean),
      unit: 'share',
      scale: 'sequential',
      domain: [0, 1],
    },
  ];
}

/** Σ over modules of the Gram matrices of those with so many rows. */
function wholeGram(modules: readonly ModuleGram[]): { gram: Float64Array; n: number; tasks: number } | null {
  const [first] = modules;
  if (!first) return null;
  const own = modules.filter(({ gram, tasks }) => gram.length === first.gram.length && tasks === first.tasks);
  const gram = new Float64Array(first.gram.length);
  for (const module of own)
    for (const [at, value] of module.gram.entries()) gram[at] = (gram[at] as number) + value;
  return { gram, n: Math.sqrt(gram.length), tasks: first.tasks };
}

function gramCosine(gram: Float64Array, n: number, i: number, j: number): number | null {
  return cosine(gram[i * n + j] ?? NaN, gram[i * (n + 1)] ?? NaN, gram[j * (n + 1)] ?? NaN);
}

function taskMatrix({ name, modules }: ReadMixture, suffix: string): Matrix[] {
  const whole = wholeGram(modules);
  if (!whole || whole.tasks < 2) return [];
  const { gram, n, tasks } = whole;
  const axis = labels('task', tasks);
  return [
    {
      kind: 'matrix',
      id: `task_cosine${suffix}`,
      title: `Cosine of what tasks change · ${name}`,
      facets: { table: `${name}: tasks` },
      caption: 'Of ΔW of every task over all modules, exact, from the factors.',
      rows: axis,
      columns: axis,
      rowTitle: 'task',
      columnTitle: 'task',
      values: packNumbers(axis.flatMap((_, i) => axis.map((__, j) => gramCosine(gram, n, i, j)))),
      unit: 'cos(ΔWₜ, ΔWᵤ)',
      scale: 'diverging',
      domain: [-1, 1],
    },
  ];
}

function skillMatrix({ name, modules }: ReadMixture, suffix: string): Matrix[] {
  const whole = wholeGram(modules);
  const first = whole && modules[0];
  if (!first || first.factors.skills < 2) return [];
  const start = whole.tasks + 1;
  const axis = labels('skill', first.factors.skills);
  const at = (i: number, j: number) => gramCosine(whole.gram, whole.n, start + i, start + j);
  return [
    {
      kind: 'matrix',
      id: `skill_cosine${suffix}`,
      title: `Cosine of skills · ${name}`,
      facets: { table: `${name}: skills` },
      caption: 'Of ΔW of every skill alone (weight 1 in every split) over all modules.',
      rows: axis,
      columns: axis,
      rowTitle: 'skill',
      columnTitle: 'skill',
      values: packNumbers(axis.flatMap((_, i) => axis.map((__, j) => at(i, j)))),
      unit: 'cos(ΔWᵢ, ΔWⱼ)',
      scale: 'diverging',
      domain: [-1, 1],
    },
  ];
}

function allocationTable(models: readonly ReadMixture[]): Table {
  return {
    kind: 'table',
    id: 'allocations',
    title: 'Tables of weights',
    caption: `Effective: exp of the entropy of a row, on average. Used: the same of the mean row. Dead: columns with less than ${String(DEAD)} of an equal share. Undefined for negative weights.`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'kind', title: 'Kind', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'rows', title: 'Rows', type: 'integer' },
      { name: 'splits', title: 'Splits', type: 'integer' },
      { name: 'columns', title: 'Columns', type: 'integer' },
      { name: 'effective', title: 'Effective', type: 'number' },
      { name: 'used', title: 'Used', type: 'number' },
      { name: 'dead', title: 'Dead', type: 'integer' },
    ],
    rows: models.flatMap(({ name, tables }) =>
      tables.map((read): TableCell[] => {
        const { kind, module, rows, splits, columns } = read.table;
        const usage = usageOf(read);
        const effective = effectiveOf(read);
        const sum = usage.reduce((total, value) => total + value, 0);
        const dead =
          effective === null ? null : usage.filter((value) => value < (DEAD * sum) / columns).length;
        return [name, kind, module, rows, splits, columns, effective, effectiveNumber(usage), dead];
      }),
    ),
  };
}

function moduleTable(models: readonly ReadMixture[]): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'What each task gets in each module',
    caption:
      'Routing: ‖ΔWₜ − ΔW_μ‖ / ‖ΔWₜ‖ against equal weights of all skills (MHR-μ); near 0 routing does nothing.',
    columns: [
      { name: 'adapter', title: 'Adapter', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'task', title: 'Task', type: 'integer' },
      { name: 'norm', title: '‖ΔWₜ‖', type: 'number' },
      { name: 'routing', title: 'Routing', type: 'number' },
    ],
    rows: models.flatMap(({ name, modules }) =>
      modules.flatMap((module) => {
        const n = Math.sqrt(module.gram.length);
        return Array.from({ length: module.tasks }, (_, task): TableCell[] => [
          name,
          module.factors.module,
          task,
          Math.sqrt(Math.max(0, module.gram[task * (n + 1)] ?? 0)),
          routingOf(module, task),
        ]);
      }),
    ),
  };
}

function skillTable(models: readonly ReadMixture[]): Table {
  return {
    kind: 'table',
    id: 'skills',
    title: 'Skills of each module',
    caption:
      'Usage: mean share over tasks and splits. Nearest: the largest cosine with the change of another skill of the module.',
    columns: [
      { name: 'adapter', title: 'Adapter', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'skill', title: 'Skill', type: 'integer' },
      { name: 'usage', title: 'Usage', type: 'share' },
      { name: 'norm', title: '‖ΔW‖', type: 'number' },
      { name: 'nearest', title: 'Nearest', type: 'number' },
    ],
    rows: models.flatMap(({ name, modules, tables }) =>
      modules.flatMap(({ factors, tasks, gram }) => {
        const own = tables.find(({ table }) => table.module === factors.module);
        const usage = own ? usageOf(own) : null;
        const n = Math.sqrt(gram.length);
        return Array.from({ length: factors.skills }, (_, skill): TableCell[] => {
          const at = tasks + 1 + skill;
          const others = Array.from({ length: factors.skills }, (__, other) =>
            other === skill ? null : gramCosine(gram, n, at, tasks + 1 + other),
          ).flatMap((value) => value ?? []);
          const nearest = others.length > 0 ? Math.max(...others) : null;
          return [
            name,
            factors.module,
            skill,
            usage?.[skill] ?? null,
            Math.sqrt(Math.max(0, gram[at * (n + 1)] ?? 0)),
            nearest,
          ];
        });
      }),
    ),
  };
}
