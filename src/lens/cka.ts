import type { StudyNetwork } from '../graph/study-network';
import type { TaskVector } from '../model/task-vector';
import type { Artifact, AxisEntry, Matrix, Note, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { cancelled, success, type Result } from '../protocol/result';
import { layerFeatures, streamPlaces } from './activations/layer-features';
import { centred, linearCka, type CentredFeatures, type Cka } from './activations/linear-cka';
import { POOL_PARAMETER, poolOf, SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { pause } from './pause';
import { percent } from './wording';

const description: LensDescription = {
  id: 'cka',
  version: 1,
  title: 'Which layers represent the same?',
  summary:
    'Runs the network on samples and compares what its layers represent: layer with layer, and the base with each fine-tune.',
  formula:
    'CKA(X, Y) = ‖YᵀX‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F), columns centred;  debiased: HSIC₁(X, Y) / √(HSIC₁(X, X) HSIC₁(Y, Y))',
  reading:
    'A block of layers near 1 among themselves does the same work: candidates for leaving layers out. Where base and fine-tune part on the diagonal, training changed what the layer represents; where they stay near 1, the layer can be shared or frozen. Plain CKA grows with the number of features and shrinks with that of samples: with fewer samples than features read the debiased one. CKA is blind to rotations and to small directions, and a few dominant features can decide it.',
  source: [
    {
      title: 'Similarity of Neural Network Representations Revisited (Kornblith et al. 2019)',
      link: 'https://arxiv.org/abs/1905.00414',
    },
    {
      title: 'Do Wide and Deep Networks Learn the Same Things? (Nguyen, Raghu, Kornblith 2021)',
      link: 'https://arxiv.org/abs/2010.15327',
    },
    {
      title: 'Feature Selection via Dependence Maximization (Song et al. 2012)',
      link: 'https://www.jmlr.org/papers/v13/song12a.html',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, POOL_PARAMETER],
};

/** Linear CKA, plain and debiased, between all layers of the base, of each task, and of both. */
export const cka: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const tasks = study.tasks.length > 0 ? study.tasks : [null];
    const artifacts: Artifact[] = [];
    const rows: Table['rows'][number][] = [];
    const notes: string[] = [];
    for (const [index, task] of tasks.entries()) {
      const pairs = await compare(opened.value, task, poolOf(parameters), context, [index, tasks.length]);
      if (!pairs.ok) return pairs;
      const entries = streamPlaces(opened.value).map(({ entry }) => entry);
      for (const side of pairs.value.sides) {
        artifacts.push(...matrices(side, entries, task, tasks.length > 1, pairs.value.caption));
        rows.push(...tableRows(side, entries, task));
      }
      notes.push(...remarks(pairs.value.sides, entries, task));
    }
    return success({
      artifacts: [advice(notes), ...artifacts, pairTable(rows)],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

/** One matrix of comparisons: rows of the one model, columns of the other. */
interface Side {
  readonly id: 'base_base' | 'base_ft' | 'ft_ft';
  readonly cells: readonly Cka[];
}

async function compare(
  study: StudyNetwork,
  task: TaskVector | null,
  pool: ReturnType<typeof poolOf>,
  context: LensContext,
  [index, of]: readonly [number, number],
): Promise<Result<{ readonly sides: readonly Side[]; readonly caption: string }>> {
  const samples = await study.samplesOf(task);
  if (!samples.ok) return samples;
  const models = task === null ? [null] : [null, task];
  const features: (readonly CentredFeatures[])[] = [];
  for (const [at, model] of models.entries()) {
    const name = model?.name ?? 'the base';
    const read = await layerFeatures(
      study,
      {
        model,
        samples: samples.value,
        pool,
        budget: context.memoryBudget / 4,
        progress: (share) =>
          context.progress(
            (index + (at + share) / models.length) / of,
            `Running ${name} on ${samples.value.name}`,
          ),
      },
      context,
    );
    if (!read.ok) return read;
    features.push(read.value.map((layer) => centred(layer, read.value.length)));
  }
  const [base = [], tuned] = features;
  const pairs = [
    ['base_base', base, base],
    ...(tuned
      ? ([
          ['base_ft', base, tuned],
          ['ft_ft', tuned, tuned],
        ] as const)
      : []),
  ] as const;
  const sides: Side[] = [];
  for (const [id, rows, columns] of pairs) {
    const cells = await cellsOf(rows, columns, context.signal);
    if (cells === null) return cancelled();
    sides.push({ id, cells });
  }
  return success({ sides, caption: `Over ${samplesText(samples.value)}.` });
}

/** Every row with every column; `null` when cancelled. */
async function cellsOf(
  rows: readonly CentredFeatures[],
  columns: readonly CentredFeatures[],
  signal: AbortSignal,
): Promise<readonly Cka[] | null> {
  const cells: Cka[] = [];
  for (const [i, x] of rows.entries()) {
    for (const [j, y] of columns.entries()) {
      // Alike in both orders, and the products are what takes the time.
      const mirrored = rows === columns && j < i ? cells[j * columns.length + i] : undefined;
      cells.push(mirrored ?? linearCka(x, y));
    }
    await pause();
    if (signal.aborted) return null;
  }
  return cells;
}

const TITLES = {
  base_base: 'base × base',
  base_ft: 'base × fine-tune',
  ft_ft: 'fine-tune × fine-tune',
} as const;

function matrices(
  { id, cells }: Side,
  entries: readonly AxisEntry[],
  task: TaskVector | null,
  several: boolean,
  caption: string,
): readonly Matrix[] {
  const name = task?.name;
  return (['plain', 'debiased'] as const).map((kind) => ({
    kind: 'matrix',
    id: `${id}${kind === 'plain' ? '' : ':debiased'}${several && name !== undefined ? `:${name}` : ''}`,
    title: `${kind === 'plain' ? 'CKA' : 'Debiased CKA'}, ${TITLES[id]}${name === undefined ? '' : ` of ${name}`}`,
    facets: { models: TITLES[id], estimator: kind, ...(name === undefined ? {} : { task: name }) },
    caption,
    rows: entries,
    columns: entries,
    rowTitle: id === 'ft_ft' ? 'fine-tune' : 'base',
    columnTitle: id === 'base_base' ? 'base' : 'fine-tune',
    values: packNumbers(cells.map((cell) => cell[kind])),
    unit: 'CKA',
    scale: 'sequential',
    domain: [0, 1],
  }));
}

function tableRows(
  { id, cells }: Side,
  entries: readonly AxisEntry[],
  task: TaskVector | null,
): Table['rows'] {
  return entries.flatMap((row, i) =>
    entries.map((column, j) => {
      const cell = cells[i * entries.length + j];
      return [task?.name ?? null, id, row.label, column.label, cell?.plain ?? null, cell?.debiased ?? null];
    }),
  );
}

function pairTable(rows: Table['rows']): Table {
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
    ],
    rows,
  };
}

/** Neighbours at least so alike do little to each other's output; a layer of base and fine-tune below it is another one. */
const ALIKE = 0.98;
const CHANGED = 0.8;

function remarks(sides: readonly Side[], entries: readonly AxisEntry[], task: TaskVector | null): string[] {
  const n = entries.length;
  const base = sides.find(({ id }) => id === 'base_base')?.cells ?? [];
  const across = sides.find(({ id }) => id === 'base_ft')?.cells;
  if (task === null || !across) {
    const alike = entries.slice(1).filter((_, at) => (base[at * n + at + 1]?.plain ?? 0) >= ALIKE);
    if (alike.length === 0) return [];
    return [
      `${alike.map(({ label }) => label).join(', ')}: CKA of at least ${percent(ALIKE)} with the layer before. Try to leave these out first.`,
    ];
  }
  const changed = entries.flatMap(({ label }, at) => {
    const value = across[at * n + at]?.plain ?? null;
    return value !== null && value < CHANGED ? [label] : [];
  });
  const kept = entries.flatMap(({ label }, at) => {
    const value = across[at * n + at]?.plain ?? null;
    return value !== null && value >= ALIKE ? [label] : [];
  });
  return [
    changed.length > 0
      ? `${task.name}: represents its samples differently from the base in ${changed.join(', ')} (CKA below ${percent(CHANGED)}).`
      : `${task.name}: no layer represents its samples differently from the base (all CKA at least ${percent(CHANGED)}).`,
    ...(kept.length > 0
      ? [
          `${task.name}: ${kept.join(', ')} can be shared with the base as far as CKA sees (at least ${percent(ALIKE)}).`,
        ]
      : []),
  ];
}

function advice(lines: readonly string[]): Note {
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to make of it',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...(lines.length > 0 ? lines : ['No two neighbouring layers are so alike that one could be left out.']),
      'Limits: CKA sees the strongest features only, on these samples. What it calls alike may still differ in what the task needs: measure the accuracy before you leave out or share a layer.',
    ].join('\n'),
  };
}
