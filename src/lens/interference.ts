import type { Artifact, AxisEntry, Matrix, Note, Table } from '../protocol/artifact';
import type { LensDescription, ParameterDeclaration } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { effectOf, interferenceScopes, type Effects } from './gradients/interference-scopes';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import { taskGradients, withoutGradient, type TaskGradient } from './gradients/task-gradients';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { SCOPES_CAPTION, type Scope } from './scopes';
import { shortNumber } from './wording';

const LAMBDA: ParameterDeclaration = {
  name: 'lambda',
  title: 'λ of the merge',
  help: 'Gradients are taken at θ₀ + λ Σ τ, the sum of all tasks; 0 takes them at the base.',
  type: 'number',
  default: 0.3,
  minimum: 0,
  maximum: 10,
};

const description: LensDescription = {
  id: 'interference',
  version: 1,
  title: 'Whose task vector harms whose loss in a merge?',
  summary:
    "Merges all tasks, runs the merge backwards on the samples of each, and multiplies every gradient with every task vector: what a bit more of one task does to another's loss.",
  formula: 'Iᵢⱼ = ⟨∂Lᵢ/∂θ, τⱼ⟩ = ∂Lᵢ/∂λⱼ  at θ = θ₀ + λ Σₖ τₖ',
  reading:
    'Rows are losses, columns are task vectors. Above 0 more of the column raises the loss of the row: the two interfere, give the column a smaller coefficient or leave its worst layers out. Below 0 it lowers it: the column still helps. The diagonal says whether a task wants more of itself (below 0) or is overshot already (above 0). The table is not symmetric: a task may help another that harms it. Losses of different tasks have different scales; compare within a row.',
  source: [
    {
      title:
        'Knowledge Composition using Task Vectors with Learned Anisotropic Scaling (Zhang et al. 2024), gradient of the coefficients',
      link: 'https://arxiv.org/abs/2407.02880',
    },
    {
      title: 'Concrete Subspace Learning based Interference Elimination (Tang et al. 2023)',
      link: 'https://arxiv.org/abs/2312.06173',
    },
    {
      title: 'Skill-it! A Data-Driven Skills Framework (Chen et al. 2023), directed graph of skills',
      link: 'https://arxiv.org/abs/2307.14430',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER, LAMBDA],
};

type Scopes = readonly Scope<Effects>[];

/** ⟨∇Lᵢ, τⱼ⟩ of every two tasks at their merge. */
export const interference: Lens = {
  description,
  async run(study, parameters, context) {
    const compared = comparedStudy(study, description);
    if (!compared.ok) return compared;
    const lambda = Number(parameters['lambda'] ?? 0.3);
    const terms = compared.value.tasks.map((task) => ({ task, coefficient: lambda }));
    const found = await taskGradients(
      compared.value,
      description,
      parameters,
      context,
      (network, _task, signal) => network.weightsWith(lambda === 0 ? [] : terms, signal),
    );
    if (!found.ok) return found;
    const { tasks, network } = found.value;
    const effects = await interferenceScopes(compared.value, tasks, context.signal);
    if (!effects.ok) return effects;
    const { scopes, leftOut } = effects.value;
    const names = tasks.map(({ task }) => task);
    const where = lambda === 0 ? 'At the base' : `At θ₀ + ${shortNumber(lambda)} Σ τ`;
    const caption = `${where}. ${found.value.caption} Proxy: first order.`;
    const artifacts: Artifact[] = [
      advice(names, scopes),
      ...withoutGradient(tasks),
      taskMatrix(names, scopes, 'dot', caption),
      taskMatrix(names, scopes, 'cosine', caption),
      ...names.map((_, i) => layerMatrix(names, scopes, i, caption)),
      pairTable(names, scopes, `${caption} ${SCOPES_CAPTION}${leftOut}`),
      lossTable(tasks),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

function taskAxis(names: readonly string[]): AxisEntry[] {
  return names.map((task) => ({ label: task, task }));
}

function symmetric(values: readonly (number | null)[]): readonly [number, number] | null {
  const most = values.reduce((size: number, value) => Math.max(size, Math.abs(value ?? 0)), 0);
  return most > 0 ? [-most, most] : null;
}

function taskMatrix(
  names: readonly string[],
  scopes: Scopes,
  metric: 'dot' | 'cosine',
  caption: string,
): Matrix {
  const whole = scopes.find(({ kind }) => kind === 'all');
  const values = names.flatMap((_, i) =>
    names.map((__, j) => (whole ? effectOf(whole.sums, i * names.length + j)[metric] : null)),
  );
  return {
    kind: 'matrix',
    id: metric,
    title: metric === 'dot' ? 'What a task vector does to a loss' : 'Task vector against gradient',
    caption,
    rows: taskAxis(names),
    columns: taskAxis(names),
    rowTitle: 'loss of',
    columnTitle: 'task vector of',
    values: packNumbers(values),
    unit: metric === 'dot' ? '⟨∇Lᵢ, τⱼ⟩' : 'cos(∇Lᵢ, τⱼ)',
    scale: 'diverging',
    domain: symmetric(values),
  };
}

/** Layers × task vectors, for the loss of one task. */
function layerMatrix(names: readonly string[], scopes: Scopes, i: number, caption: string): Matrix {
  const layers = scopes.filter(({ kind }) => kind === 'layer');
  const task = names[i] ?? '';
  const values = layers.flatMap(({ sums }) => names.map((_, j) => effectOf(sums, i * names.length + j).dot));
  return {
    kind: 'matrix',
    id: `layers:${task}`,
    title: `Where task vectors act on the loss of ${task}`,
    facets: { task },
    caption,
    rows: layers.map(({ name, label }) => ({ label, layer: name, task })),
    columns: taskAxis(names),
    rowTitle: 'layer',
    columnTitle: 'task vector of',
    values: packNumbers(values),
    unit: '⟨∇Lᵢ, τⱼ⟩',
    scale: 'diverging',
    domain: symmetric(values),
  };
}

function pairTable(names: readonly string[], scopes: Scopes, caption: string): Table {
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Losses and task vectors',
    caption,
    columns: [
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'task', title: 'Loss of', type: 'text' },
      { name: 'vector', title: 'Task vector of', type: 'text' },
      { name: 'dot', title: '⟨∇Lᵢ, τⱼ⟩', type: 'number' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
    ],
    rows: scopes.flatMap(({ name, sums }) =>
      names.flatMap((task, i) =>
        names.map((vector, j) => {
          const { dot, cosine } = effectOf(sums, i * names.length + j);
          return [name, task, vector, dot, cosine];
        }),
      ),
    ),
  };
}

function lossTable(tasks: readonly TaskGradient[]): Table {
  return {
    kind: 'table',
    id: 'losses',
    title: 'Losses where the gradients are taken',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'loss', title: 'Loss', type: 'number' },
      { name: 'samples', title: 'Samples', type: 'integer' },
    ],
    rows: tasks.map(({ task, gradients: { loss, samples } }) => [task, loss, samples]),
  };
}

const NAMED_PAIRS = 6;
const NAMED_LAYERS = 2;

function advice(names: readonly string[], scopes: Scopes): Note {
  const whole = scopes.find(({ kind }) => kind === 'all');
  const n = names.length;
  const dot = (i: number, j: number) => (whole ? (effectOf(whole.sums, i * n + j).dot ?? 0) : 0);
  const harmful = names
    .flatMap((_, i) => names.map((__, j) => ({ i, j, effect: dot(i, j) })))
    .filter(({ i, j, effect }) => i !== j && effect > 0)
    .sort((x, y) => y.effect - x.effect);
  const lines = harmful
    .slice(0, NAMED_PAIRS)
    .map(
      ({ i, j, effect }) =>
        `More of ${names[j] ?? ''} raises the loss of ${names[i] ?? ''} (${shortNumber(effect)})${worstLayers(scopes, i * n + j)}: give it a smaller coefficient, or leave those layers of it out.`,
    );
  const more = names.filter((_, i) => dot(i, i) < 0);
  const less = names.filter((_, i) => dot(i, i) > 0);
  const own = [
    more.length > 0 ? `${more.join(', ')} would gain from more of their own task vector.` : '',
    less.length > 0 ? `${less.join(', ')} are overshot already: less of their own would do.` : '',
  ].filter((line) => line !== '');
  return {
    kind: 'note',
    id: 'advice',
    title: 'Who harms whom',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...(lines.length > 0 ? lines : ['No task vector raises the loss of another task here.']),
      ...own,
      'Limits: a first-order figure at this one merge: it says which way coefficients should move from here, not how far.',
    ].join('\n'),
  };
}

function worstLayers(scopes: Scopes, at: number): string {
  const worst = scopes
    .filter(({ kind }) => kind === 'layer')
    .map(({ label, sums }) => ({ label, effect: effectOf(sums, at).dot ?? 0 }))
    .filter(({ effect }) => effect > 0)
    .sort((x, y) => y.effect - x.effect)
    .slice(0, NAMED_LAYERS);
  return worst.length === 0 ? '' : `, most through ${worst.map(({ label }) => label).join(' and ')}`;
}
