import { attentionLayout, HEAD_PARAMETERS } from '../model/attention';
import type { Study } from '../model/study';
import type { Artifact, Matrix, Note, Table } from '../protocol/artifact';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success, type Result } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import { atBase, taskGradients, withoutGradient } from './gradients/task-gradients';
import { importances, maskGradients, unitDeltas, unitGroups, type UnitGroup } from './gradients/unit-masks';
import type { Lens } from './lens';
import { percent, shortNumber, wholeText } from './wording';

const description: LensDescription = {
  id: 'unit-importance',
  version: 1,
  title: 'Did fine-tuning land on units that the base needs?',
  summary:
    'Puts a virtual mask on every attention head and every hidden unit of the base, differentiates for it on general samples, and looks how much of each task vector fell on the important ones.',
  formula:
    'I = |tanh z|,  z = standardised ∂L/∂m within a layer (m = 1 masks the output of a unit);  forgetting F = Σᵤ Iᵤ ‖τᵤ‖² / Σᵤ ‖τᵤ‖²',
  reading:
    'Units near 1 stand out from the others of their layer: what the base does on these samples hangs on them. Use the first data set for what must be kept. A forgetting score above that of an even spread says that the task vector prefers important units: expect the base to forget, and freeze those units or shrink the steps there by 1 − I.',
  source: [
    {
      title:
        'Balancing Speciality and Versatility: a Coarse to Fine Framework for Supervised Fine-tuning Large Language Model (Zhang et al. 2024), soft masks',
      link: 'https://arxiv.org/abs/2404.10306',
    },
    {
      title: 'Are Sixteen Heads Really Better than One? (Michel et al. 2019)',
      link: 'https://arxiv.org/abs/1905.10650',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER, ...HEAD_PARAMETERS],
};

/** The units of a group with their importance, and what every task moved there. */
interface Units {
  readonly group: UnitGroup;
  readonly gradients: Float64Array;
  readonly importance: Float64Array;
  /** ‖τᵤ‖² by task. */
  readonly moved: ReadonlyMap<string, Float64Array>;
}

/** Importance of heads and hidden units of the base, and the predicted forgetting of every task. */
export const unitImportance: Lens = {
  description,
  async run(study, parameters, context) {
    // The tasks have no say in what the base needs: its gradients are those of a study without any.
    const alone = { ...study, tasks: [] };
    const found = await taskGradients(alone, description, parameters, context, atBase);
    if (!found.ok) return found;
    const { tasks, network } = found.value;
    const gradients = tasks[0]?.gradients.tensors ?? new Map<string, Float32Array>();
    const units = await unitsOf(study, parameters, gradients, context.signal);
    if (!units.ok) return units;
    const caption = `At the base. ${found.value.caption} Proxy: the paper takes the divergence of two passes with dropout, which exported graphs do not have.`;
    const names = study.tasks.map(({ name }) => name);
    const artifacts: Artifact[] = [
      advice(units.value, names),
      ...withoutGradient(tasks),
      ...importanceMatrix(units.value, 'head', caption),
      ...importanceMatrix(units.value, 'mlp', caption),
      forgettingTable(units.value, names),
      unitTable(units.value, caption),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

async function unitsOf(
  study: Study,
  parameters: ParameterValues,
  gradients: ReadonlyMap<string, Float32Array>,
  signal: AbortSignal,
): Promise<Result<readonly Units[]>> {
  const { base, architecture } = study;
  if (base === null) return success([]);
  const split = {
    heads: Number(parameters['heads'] ?? 0),
    keyValueHeads: Number(parameters['key_value_heads'] ?? 0),
  };
  const layout = attentionLayout(base, architecture, split);
  const units: Units[] = [];
  for (const group of unitGroups(study, gradients.keys(), layout.ok ? layout.value.blocks : [])) {
    const masks = await maskGradients(study, gradients, group);
    if (!masks.ok) return masks;
    const moved = new Map<string, Float64Array>();
    for (const task of study.tasks) {
      const squares = await unitDeltas(study, task, group, signal);
      if (!squares.ok) return squares;
      moved.set(task.name, squares.value);
    }
    units.push({ group, gradients: masks.value, importance: importances(masks.value), moved });
  }
  return success(units);
}

const KINDS = { head: 'attention heads', mlp: 'hidden units of the MLP' } as const;
type Kind = keyof typeof KINDS;

/** Columns of a strip: more units than this share a column. */
const MOST_COLUMNS = 64;

function importanceMatrix(all: readonly Units[], kind: Kind, caption: string): Matrix[] {
  const units = all.filter(({ group }) => group.kind === kind);
  const most = Math.max(0, ...units.map(({ group }) => group.units));
  if (most === 0) return [];
  const bin = Math.ceil(most / MOST_COLUMNS);
  const columns = Math.ceil(most / bin);
  const values = units.flatMap(({ importance }) =>
    Array.from({ length: columns }, (_, column) => {
      const own = importance.subarray(column * bin, (column + 1) * bin);
      return own.length === 0 ? null : own.reduce((sum, value) => Math.max(sum, value), 0);
    }),
  );
  const shared = bin > 1 ? ` A column is the most important of ${wholeText(bin)} units.` : '';
  return [
    {
      kind: 'matrix',
      id: kind,
      title: `Importance of ${KINDS[kind]}`,
      facets: { units: kind },
      caption: `${caption}${shared}`,
      rows: units.map(({ group: { layer, label } }) => ({ label, layer })),
      columns: Array.from({ length: columns }, (_, column) => ({
        label: String(column * bin),
        ...(kind === 'head' ? { head: column } : {}),
      })),
      rowTitle: 'layer',
      columnTitle: kind === 'head' ? 'head' : 'unit',
      values: packNumbers(values),
      unit: '|tanh z|',
      scale: 'sequential',
      domain: [0, 1],
    },
  ];
}

/** Σ I‖τ‖² / Σ ‖τ‖² and the mean of I, over the units of a kind; `null` where the task moved none of them. */
function forgetting(all: readonly Units[], kind: Kind, task: string): { score: number | null; even: number } {
  let [weighted, whole, sum, count] = [0, 0, 0, 0];
  for (const { group, importance, moved } of all) {
    if (group.kind !== kind) continue;
    const squares = moved.get(task);
    importance.forEach((value, unit) => {
      weighted += value * (squares?.[unit] ?? 0);
      whole += squares?.[unit] ?? 0;
      sum += value;
      count++;
    });
  }
  return { score: whole > 0 ? weighted / whole : null, even: sum / Math.max(1, count) };
}

function kindsOf(all: readonly Units[]): readonly Kind[] {
  return (['head', 'mlp'] as const).filter((kind) => all.some(({ group }) => group.kind === kind));
}

function forgettingTable(all: readonly Units[], tasks: readonly string[]): Table {
  return {
    kind: 'table',
    id: 'forgetting',
    title: 'How much of a task vector fell on important units',
    caption:
      'Of the weights that take in what a unit gives (output projection, last matrix of the MLP). An even spread over all units would have the score in the last column.',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'units', title: 'Units', type: 'text' },
      { name: 'forgetting', title: 'Forgetting score', type: 'number' },
      { name: 'even', title: 'Of an even spread', type: 'number' },
    ],
    rows: tasks.flatMap((task) =>
      kindsOf(all).map((kind) => {
        const { score, even } = forgetting(all, kind, task);
        return [task, kind, score, even];
      }),
    ),
  };
}

/** Units listed, those of the first layers first: more are of use to nobody. */
const MOST_ROWS = 50_000;

function unitTable(all: readonly Units[], caption: string): Table {
  const rows = all.flatMap(({ group: { kind, label, tensor }, gradients, importance }) =>
    Array.from(gradients, (gradient, unit) => [kind, label, unit, gradient, importance[unit] ?? 0, tensor]),
  );
  return {
    kind: 'table',
    id: 'units',
    title: 'Every unit',
    caption,
    columns: [
      { name: 'units', title: 'Units', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'unit', title: 'Unit', type: 'integer' },
      { name: 'gradient', title: '∂L/∂m', type: 'number' },
      { name: 'importance', title: 'Importance', type: 'number' },
      { name: 'tensor', title: 'Tensor', type: 'text', hidden: true },
    ],
    rows: rows.slice(0, MOST_ROWS),
  };
}

/** A score so much above that of an even spread is worth a word. */
const PREFERS = 1.1;

function advice(all: readonly Units[], tasks: readonly string[]): Note {
  const kinds = kindsOf(all);
  const lines = tasks.flatMap((task) =>
    kinds.flatMap((kind) => {
      const { score, even } = forgetting(all, kind, task);
      if (score === null) return [];
      const scores = `${shortNumber(score)} against ${shortNumber(even)} of an even spread`;
      return score > PREFERS * even
        ? [
            `${task} moved ${KINDS[kind]} that the base needs (${scores}): expect it to forget; freeze the important ones, or shrink their steps by 1 − I.`,
          ]
        : [`${task} does not prefer ${KINDS[kind]} that the base needs (${scores}).`];
    }),
  );
  const outstanding = kinds.map((kind) => {
    const values = all.flatMap(({ group, importance }) => (group.kind === kind ? [...importance] : []));
    const share = values.filter((value) => value > 0.9).length / Math.max(1, values.length);
    return `${percent(share)} of the ${KINDS[kind]} stand out (I above 0.9).`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'What fine-tuning should spare',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...(kinds.length === 0 ? ['No attention heads and no MLP were found by name in this network.'] : []),
      ...lines,
      ...outstanding,
      'Limits: a proxy of the paper, first order and of these samples; importance compares units of one layer with each other, not layers.',
    ].join('\n'),
  };
}
