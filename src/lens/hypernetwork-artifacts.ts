import type { Artifact, AxisEntry, Matrix, Note, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';
import type { HypernetworkFigures } from './hypernetwork-figures';
import { recommendation } from './recommendation';
import { percent, shortNumber, wholeText } from './wording';

export type { HypernetworkFigures } from './hypernetwork-figures';

/** From here on the adapters of all tasks are one. */
const COLLAPSED = 0.98;

/** All that is said of the hypernetworks of a study. */
export function hypernetworkArtifacts(models: readonly HypernetworkFigures[]): Artifact[] {
  return [
    advice(models),
    ...models.flatMap((model) => [
      ...generatedMatrix(model),
      ...strengthMatrix(model),
      ...embeddingMatrices(model),
    ]),
    modelTable(models),
    adapterTable(models),
    ...driftTable(models),
  ];
}

function cosines(
  id: string,
  title: string,
  names: readonly string[],
  values: readonly (number | null)[],
  facets: Record<string, string>,
): Matrix {
  const axis = names.map((label): AxisEntry => ({ label }));
  return {
    kind: 'matrix', id, title, facets, rows: axis, columns: axis, rowTitle: 'vector', columnTitle: 'vector',
    values: packNumbers(values), unit: 'cosine', scale: 'diverging', domain: [-1, 1],
  }; // prettier-ignore
}

function embeddingMatrices({ name, sets }: HypernetworkFigures): Matrix[] {
  return sets.map((set) =>
    cosines(
      `embeddings:${name}:${set.title}`,
      `Cosine of embeddings · ${name}, ${set.title}`,
      set.names,
      set.cosines,
      {
        model: name,
        metric: `${set.title} embeddings`,
      },
    ),
  );
}

function generatedMatrix({ name, tasks, generated }: HypernetworkFigures): Matrix[] {
  if (generated.length === 0) return [];
  return [
    {
      ...cosines(`generated:${name}`, `Cosine of generated adapters · ${name}`, tasks, generated, {
        model: name,
        metric: 'adapters',
      }),
      caption:
        'Of all generated weights of a task, over layers and blocks. Near 1 everywhere: one adapter for all tasks.',
    },
  ];
}

/** ‖up · down‖ of every task at every layer and block. */
function strengthMatrix({ name, tasks, adapters }: HypernetworkFigures): Matrix[] {
  if (adapters.length === 0) return [];
  const places = [...new Set(adapters.map(({ adapter }) => placeOf(adapter)))];
  const values = tasks.flatMap((_, task) =>
    places.map(
      (place) =>
        adapters.find(({ adapter }) => adapter.task === task && placeOf(adapter) === place)?.norm ?? null,
    ),
  );
  return [
    {
      kind: 'matrix',
      id: `strength:${name}`,
      title: `Strength of generated adapters · ${name}`,
      facets: { model: name, metric: 'strength' },
      caption: 'The two sides of an adapter multiplied, as if there were no nonlinearity between them.',
      rows: tasks.map((label) => ({ label })),
      columns: places.map((label) => ({ label })),
      rowTitle: 'task',
      columnTitle: 'place',
      values: packNumbers(values),
      unit: '‖up · down‖',
      scale: 'sequential',
      domain: fromZero(values),
    },
  ];
}

function placeOf({
  module,
  layer,
  block,
}: {
  readonly module: string;
  readonly layer: number;
  readonly block: number;
}): string {
  return `${module === '' ? '' : `${module} `}layer ${String(layer)}, block ${String(block)}`;
}

function modelTable(models: readonly HypernetworkFigures[]): Table {
  return {
    kind: 'table',
    id: 'hypernetworks',
    title: 'Hypernetworks',
    caption:
      'Agreement: rank correlation of the cosines of task embeddings and of generated adapters, for three tasks and more.',
    columns: [
      { name: 'model', title: 'Checkpoint', type: 'text' },
      { name: 'tasks', title: 'Tasks', type: 'integer' },
      { name: 'adapters', title: 'Adapters', type: 'integer' },
      { name: 'effective_rank', title: 'Effective rank', type: 'number' },
      { name: 'agreement', title: 'Agreement', type: 'number' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'generated', title: 'Generated', type: 'integer' },
    ],
    rows: models.map(({ name, tasks, adapters, effectiveRank, agreement, parameters, generatedParameters }): TableCell[] => [
      name, tasks.length, adapters.length, effectiveRank, agreement, parameters, generatedParameters,
    ]), // prettier-ignore
  };
}

function adapterTable(models: readonly HypernetworkFigures[]): Table {
  return {
    kind: 'table',
    id: 'adapters',
    title: 'Generated adapters',
    columns: [
      { name: 'model', title: 'Checkpoint', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'integer' },
      { name: 'block', title: 'Block', type: 'integer' },
      { name: 'up', title: '‖up‖', type: 'number' },
      { name: 'down', title: '‖down‖', type: 'number' },
      { name: 'norm', title: '‖up · down‖', type: 'number' },
      { name: 'effective_rank', title: 'Effective rank', type: 'number' },
    ],
    rows: models.flatMap(
      ({ name, tasks, adapters }) =>
      adapters.map(({ adapter: { task, layer, block }, up, down, norm, effectiveRank }): TableCell[] => [
        name, tasks[task] ?? String(task), layer, block, up, down, norm, effectiveRank,
      ]), // prettier-ignore
    ),
  };
}

/** How far the adapters of each task moved from the first hypernetwork to each other one. */
function driftTable([first, ...others]: readonly HypernetworkFigures[]): Table[] {
  const rows = others.flatMap((other) =>
    (first?.tasks ?? []).flatMap((task): TableCell[][] => {
      const share = first ? driftOf(first, other, task) : null;
      return share === null ? [] : [[other.name, task, share]];
    }),
  );
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'drift',
      title: `Drift of the generated adapters from ${first?.name ?? ''}`,
      caption:
        '√Σ‖f(e, Θ) − f(e, Θ₀)‖² / ‖f(e, Θ₀)‖², each network with its own embeddings; the regulariser of von Oswald et al. up to its factor.',
      columns: [
        { name: 'model', title: 'Checkpoint', type: 'text' },
        { name: 'task', title: 'Task', type: 'text' },
        { name: 'drift', title: 'Drift', type: 'share' },
      ],
      rows,
    },
  ];
}

function driftOf(x: HypernetworkFigures, y: HypernetworkFigures, task: string): number | null {
  const of = (model: HypernetworkFigures) =>
    model.adapters
      .filter(({ adapter }) => adapter.task === model.tasks.indexOf(task))
      .map(({ adapter }) => adapter.map);
  const [before, after] = [of(x), of(y)];
  let [moved, size] = [0, 0];
  for (const [at, { a, b }] of before.entries()) {
    const other = after[at];
    if (other?.a.length !== a.length || other.b.length !== b.length) return null;
    a.forEach((value, k) => {
      moved += ((other.a[k] as number) - value) ** 2;
      size += value * value;
    });
    b.forEach((value, k) => {
      moved += ((other.b[k] as number) - value) ** 2;
      size += value * value;
    });
  }
  return before.length > 0 && size > 0 ? Math.sqrt(moved / size) : null;
}

function advice(models: readonly HypernetworkFigures[]): Note {
  const lines = models.flatMap(({ name, refusal, tasks, generated, agreement, effectiveRank, adapters, parameters, generatedParameters }) => {
    if (refusal !== null) return [`${name}: no adapter can be formed. ${refusal}`];
    const pairs = generated.filter((_, at) => at % tasks.length > Math.floor(at / tasks.length)).flatMap((value) => value ?? []);
    const least = pairs.length > 0 ? Math.min(...pairs) : null;
    return [
      ...(least === null ? [] : [least > COLLAPSED
        ? `${name}: the adapters of all tasks are nearly one (cosines from ${shortNumber(least)} on): one shared adapter would do.`
        : `${name}: tells tasks apart, cosines of their adapters from ${shortNumber(least)} to ${shortNumber(Math.max(...pairs))}.`]),
      ...(agreement !== null && agreement < 0 ? [`${name}: near embeddings do not give near adapters (rank correlation ${shortNumber(agreement)}); do not cluster tasks by their embeddings.`] : []),
      ...(effectiveRank === null ? [] : [`${name}: ${wholeText(adapters.length)} adapters with an effective rank of ${shortNumber(effectiveRank)}, from ${percent(parameters / Math.max(1, generatedParameters))} as many parameters.`]),
    ];
  });
  return recommendation(
    'Does it tell tasks apart',
    lines,
    'generated weights say nothing of how good they are; layer norms and biases that are generated, too, are not formed; embeddings of layers have no meaning of their own. Generators in other forms (whole networks made in chunks, kernels expanded by Kronecker products) are not recognised, and whether ordinary adapters could share a kernel is not tested.',
  );
} // prettier-ignore
