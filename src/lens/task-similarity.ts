import { compareRows, OTHER_LAYER, placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Artifact, AxisEntry, Matrix, Table, TableCell } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import type { Lens } from './lens';
import { averageLinkage, dendrogram, leafOrder } from './linkage';
import { checkNeeds, checkTaskVectors } from './needs';
import { PairSums } from './pair-sums';
import { taskGram, type TensorGram } from './task-gram';

const description: LensDescription = {
  id: 'task-similarity',
  version: 1,
  title: 'Which tasks pull together?',
  summary:
    'Compares the directions in which different fine-tunes and adapters moved the same base: the whole model and every layer.',
  formula: 'cos(τᵢ, τⱼ) = ⟨τᵢ, τⱼ⟩ / (‖τᵢ‖ ‖τⱼ‖);  for adapters ⟨s₁B₁A₁, s₂B₂A₂⟩ = s₁s₂ Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ)',
  reading:
    'Cosines of unrelated task vectors are near 0, since they have millions of entries; 0.1 is already a shared direction. Negative cosines are tasks that undo each other when added. Look at single layers as well: agreement in the whole may hide opposition in one layer.',
  source: [
    {
      title: 'ATM: Improving Model Merging by Alternating Tuning and Merging (Zhou et al. 2024)',
      link: 'https://arxiv.org/abs/2411.03055',
    },
    {
      title: 'Knowledge Composition using Task Vectors with Learned Anisotropic Scaling (Zhang et al. 2024)',
      link: 'https://arxiv.org/abs/2407.02880',
    },
    {
      title: 'Merging Multi-Task Models via Weight-Ensembling Mixture of Experts (Tang et al. 2024)',
      link: 'https://arxiv.org/abs/2402.00433',
    },
    {
      title: 'Learning to Branch for Multi-Task Learning (Guo et al. 2020)',
      link: 'https://arxiv.org/abs/2006.01895',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 2 }, factored: true },
  parameters: [],
};

/** cos(τᵢ, τⱼ) for every two tasks: of the whole task vectors, of each layer, of each tensor. */
export const taskSimilarity: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const something = checkTaskVectors(study);
    if (!something.ok) return something;
    const gram = await taskGram(study, context);
    if (!gram.ok) return gram;
    const scopes = scopesOf(gram.value.tensors, study.tasks.length);
    const figures = scopes.filter(({ kind }) => kind !== 'tensor');
    const artifacts: Artifact[] = [
      ...figures.map((scope) => similarityMatrix(study, scope)),
      ...figures.map((scope) => similarityTree(study, scope)),
      pairTable(study, scopes),
    ];
    return success({ artifacts, findings: gram.value.findings, bytesRead: gram.value.bytesRead });
  },
};

interface Scope {
  readonly kind: 'all' | 'layer' | 'tensor';
  /** `all`, a layer, or a tensor. */
  readonly name: string;
  readonly label: string;
  readonly sums: PairSums;
}

/** The whole, every layer in network order, every tensor. */
function scopesOf(tensors: readonly TensorGram[], tasks: number): Scope[] {
  const all: Scope = { kind: 'all', name: 'all', label: 'whole model', sums: new PairSums(tasks) };
  const layers = new Map<string, Scope>();
  const single: Scope[] = [];
  for (const { tensor, gram, has } of tensors) {
    const { layer: name, layerLabel } = placeOf(tensor);
    const label = name === OTHER_LAYER ? name : layerLabel;
    const layer = layers.get(name) ?? { kind: 'layer', name, label, sums: new PairSums(tasks) };
    layers.set(name, layer);
    const own: Scope = { kind: 'tensor', name: tensor, label: tensor, sums: new PairSums(tasks) };
    for (const { sums } of [all, layer, own]) sums.add(gram, has);
    single.push(own);
  }
  return [all, ...[...layers.values()].sort((a, b) => compareRows(a.name, b.name)), ...single];
}

const CAPTION =
  'Diverging about 0: 1 is the same direction, 0 unrelated (as unrelated task vectors nearly are), −1 opposed. An adapter counts as unchanged where it has no factors. Undefined where a task leaves everything unchanged.';

function similarityMatrix(study: Study, { name, label, sums }: Scope): Matrix {
  const entries = taskAxis(study);
  const order = leafOrder(averageLinkage(distances(sums), sums.n), sums.n);
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

function similarityTree(study: Study, { name, label, sums }: Scope): Artifact {
  return dendrogram(taskAxis(study), averageLinkage(distances(sums), sums.n), {
    id: `tree:${name}`,
    title: `Groups of tasks · ${label}`,
    facets: { scope: name },
    caption:
      'Average linkage over 1 − cos(τᵢ, τⱼ). Where a cosine is undefined the tasks count as unrelated (distance 1).',
    unit: '1 − cos(τᵢ, τⱼ)',
  });
}

function distances(sums: PairSums): Float64Array {
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

function pairTable(study: Study, scopes: readonly Scope[]): Table {
  const names = study.tasks.map(({ name }) => name);
  const rows = scopes.flatMap(({ name: scope, sums }) =>
    names.flatMap((a, i) =>
      names.slice(i + 1).map((b, offset): TableCell[] => {
        const j = i + 1 + offset;
        return [scope, a, b, sums.cosine(i, j), sums.dot(i, j)];
      }),
    ),
  );
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Pairs of tasks',
    caption:
      'Scope is the whole model ("all"), a layer ("(other)": what stands in no numbered layer), or a tensor. A pair counts the tensors that both tasks have.',
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
