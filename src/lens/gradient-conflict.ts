import type { Artifact, AxisEntry, Matrix, Note, Series, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { gradientPairs, type GradientScope } from './gradients/gradient-pairs';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import { atBase, taskGradients, withoutGradient } from './gradients/task-gradients';
import type { Lens } from './lens';
import { SCOPES_CAPTION, type Scope } from './scopes';
import { namesText, percent, shortNumber } from './wording';

const description: LensDescription = {
  id: 'gradient-conflict',
  version: 1,
  title: 'Which tasks pull against each other in training?',
  summary:
    'Runs the base backwards on the samples of every task and compares the mean gradients: over everything, in every layer and in every tensor.',
  formula:
    'cos(gₐ, g_b) = ⟨gₐ, g_b⟩ / (‖gₐ‖ ‖g_b‖),  g = (1/N) Σₙ ∂L(xₙ, yₙ; θ₀)/∂θ;  share of opposite signs = #(gₐ·g_b < 0) / #(gₐ·g_b ≠ 0)',
  reading:
    'Below 0 a step that helps one task harms the other: the two conflict there (Yu et al. 2020, definition 1). Near 0 they do not care about each other, above 0 they help each other. Where the norms differ much, the task with the larger one decides what a joint step does. In large tensors cosines of unrelated gradients are near 0 by themselves. A cell without a value has a gradient of rounding only.',
  source: [
    {
      title: 'Gradient Surgery for Multi-Task Learning (Yu et al. 2020)',
      link: 'https://arxiv.org/abs/2001.06782',
    },
    {
      title: 'GradNorm: Gradient Normalization for Adaptive Loss Balancing (Chen et al. 2018)',
      link: 'https://arxiv.org/abs/1711.02257',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER],
};

type Pairs = readonly Scope<GradientScope>[];

/** Cosines, norms and opposite signs of the tasks' mean gradients at the base. */
export const gradientConflict: Lens = {
  description,
  async run(study, parameters, context) {
    const found = await taskGradients(study, description, parameters, context, atBase);
    if (!found.ok) return found;
    const { tasks, caption, network } = found.value;
    const names = tasks.map(({ task }) => task);
    const { scopes, leftOut } = gradientPairs(tasks);
    const artifacts: Artifact[] = [
      advice(names, scopes),
      ...withoutGradient(tasks),
      taskMatrix(names, scopes, caption),
      layerMatrix(names, scopes, caption),
      normCurves(names, scopes, caption),
      pairTable(names, scopes, `${SCOPES_CAPTION}${leftOut}`),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

function taskAxis(names: readonly string[]): AxisEntry[] {
  return names.map((task) => ({ label: task, task }));
}

function taskMatrix(names: readonly string[], scopes: Pairs, caption: string): Matrix {
  const whole = scopes.find(({ kind }) => kind === 'all');
  const values = names.flatMap((_, i) => names.map((__, j) => whole?.sums.pairs.cosine(i, j) ?? null));
  return {
    kind: 'matrix',
    id: 'tasks',
    title: 'Cosine of the gradients of two tasks',
    caption,
    rows: taskAxis(names),
    columns: taskAxis(names),
    rowTitle: 'task',
    columnTitle: 'task',
    values: packNumbers(values),
    unit: 'cos(gₐ, g_b)',
    scale: 'diverging',
    domain: [-1, 1],
  };
}

function layersOf(scopes: Pairs): Pairs {
  return scopes.filter(({ kind }) => kind === 'layer');
}

function layerMatrix(names: readonly string[], scopes: Pairs, caption: string): Matrix {
  const layers = layersOf(scopes);
  const pairs = pairsOf(names.length);
  const values = layers.flatMap(({ sums }) => pairs.map(([i, j]) => sums.pairs.cosine(i, j)));
  const most = values.reduce((size: number, value) => Math.max(size, Math.abs(value ?? 0)), 0);
  return {
    kind: 'matrix',
    id: 'layers',
    title: 'Cosine of the gradients of two tasks, layer by layer',
    caption,
    rows: layers.map(({ name, label }) => ({ label, layer: name })),
    columns: pairs.map(([i, j]) => ({ label: `${names[i] ?? ''} · ${names[j] ?? ''}` })),
    rowTitle: 'layer',
    columnTitle: 'pair of tasks',
    values: packNumbers(values),
    unit: 'cos(gₐ, g_b)',
    scale: 'diverging',
    domain: most > 0 ? [-most, most] : null,
  };
}

function normOf({ sums }: Scope<GradientScope>, task: number): number | null {
  const square = sums.pairs.dot(task, task);
  return square === null ? null : Math.sqrt(square);
}

function normCurves(names: readonly string[], scopes: Pairs, caption: string): Series {
  const layers = layersOf(scopes);
  return {
    kind: 'series',
    id: 'norms',
    title: 'Norm of the gradient along the layers',
    caption,
    x: { title: 'layer', values: layers.map(({ label }) => label) },
    lines: names.map((task, at) => ({
      name: task,
      task,
      values: packNumbers(layers.map((layer) => normOf(layer, at))),
    })),
    unit: '‖g‖',
    logarithmic: { y: true },
    places: layers.map(({ name, label }) => ({ label, layer: name })),
  };
}

function pairTable(names: readonly string[], scopes: Pairs, caption: string): Table {
  const pairs = pairsOf(names.length);
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Gradients of two tasks',
    caption,
    columns: [
      { name: 'scope', title: 'Scope', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
      { name: 'norm_a', title: 'Norm of the task', type: 'number' },
      { name: 'norm_b', title: 'Norm of the other', type: 'number' },
      { name: 'opposed', title: 'Opposite signs', type: 'share' },
    ],
    rows: scopes.flatMap((scope) =>
      pairs.map(([i, j]) => {
        const { pairs: sums, compared, opposed } = scope.sums;
        const at = i * names.length + j;
        const both = compared[at] ?? 0;
        return [
          scope.name,
          names[i] ?? '',
          names[j] ?? '',
          sums.cosine(i, j),
          normOf(scope, i),
          normOf(scope, j),
          both > 0 ? (opposed[at] ?? 0) / both : null,
        ];
      }),
    ),
  };
}

function pairsOf(n: number): (readonly [number, number])[] {
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (__, offset) => [i, i + 1 + offset] as const),
  ).flat();
}

/** A cosine below it is worth a word. */
const CONFLICT = -0.05;
/** One task outweighs another where its norm is so many times the other's. */
const OUTWEIGHS = 3;
const NAMED_LAYERS = 3;

function advice(names: readonly string[], scopes: Pairs): Note {
  const whole = scopes.find(({ kind }) => kind === 'all');
  const lines = [conflictText(names, scopes), whole === undefined ? '' : balanceText(names, whole)];
  return {
    kind: 'note',
    id: 'advice',
    title: 'Who pulls against whom',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines.filter((line) => line !== ''),
      'Limits: gradients at the base say what the first step would do, not where training ends; few samples make cosines noisy.',
    ].join('\n'),
  };
}

function conflictText(names: readonly string[], scopes: Pairs): string {
  const whole = scopes.find(({ kind }) => kind === 'all');
  const against = pairsOf(names.length)
    .map(([i, j]) => ({ i, j, cosine: whole?.sums.pairs.cosine(i, j) ?? 0 }))
    .filter(({ cosine }) => cosine < CONFLICT)
    .sort((x, y) => x.cosine - y.cosine);
  if (against.length > 0) {
    return against
      .map(({ i, j, cosine }) => {
        const where = conflictingLayers(scopes, i, j);
        const most = where === '' ? '' : `, most in ${where}`;
        return `${names[i] ?? ''} and ${names[j] ?? ''} pull against each other (${shortNumber(cosine)})${most}: when training both, keep these layers apart or project the conflicting part of the gradients away.`;
      })
      .join('\n');
  }
  const local = pairsOf(names.length).flatMap(([i, j]) => {
    const where = conflictingLayers(scopes, i, j);
    return where === '' ? [] : [`${names[i] ?? ''} and ${names[j] ?? ''} in ${where}`];
  });
  const none = `No two of ${namesText(names)} pull against each other over the whole network: they can be trained together.`;
  return local.length === 0 ? none : `${none} They do locally: ${namesText(local, NAMED_LAYERS, '; ')}.`;
}

function conflictingLayers(scopes: Pairs, i: number, j: number): string {
  const found = layersOf(scopes)
    .map(({ label, sums }) => ({ label, cosine: sums.pairs.cosine(i, j) ?? 0 }))
    .filter(({ cosine }) => cosine < CONFLICT)
    .sort((x, y) => x.cosine - y.cosine)
    .slice(0, NAMED_LAYERS);
  return found.map(({ label, cosine }) => `${label} (${shortNumber(cosine)})`).join(', ');
}

function balanceText(names: readonly string[], whole: Scope<GradientScope>): string {
  const norms = names
    .map((task, at) => ({ task, norm: normOf(whole, at) ?? 0 }))
    .filter(({ norm }) => norm > 0)
    .sort((x, y) => y.norm - x.norm);
  const [most, least] = [norms[0], norms.at(-1)];
  if (most === undefined || least === undefined || most.norm < OUTWEIGHS * least.norm) return '';
  const share = least.norm / most.norm;
  return `${most.task} outweighs ${least.task}: its gradient is ${shortNumber(1 / share)} times as long. Weigh its loss by about ${percent(share)} for an equal say.`;
}
