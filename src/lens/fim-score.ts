import { compareRows, placeOf, rowLabel } from '../model/naming';
import type { Artifact, Note, Series, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { FROM_PARAMETER } from './gradients/fisher-files';
import { fisherHeatmap } from './gradients/fisher-heatmap';
import { obstacleNotes } from './gradients/obstacle-notes';
import {
  AT_PARAMETER,
  PRECISION_PARAMETER,
  studyFisher,
  type StudyFisher,
  type TaskFisher,
} from './gradients/fisher-models';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import type { Lens, LensOutput } from './lens';

const description: LensDescription = {
  id: 'fim-score',
  version: 3,
  title: 'Which layers does a task need?',
  summary:
    'Ranks the layers by the Fisher information of their tensors: which to train, and which to freeze.',
  formula:
    'score(layer) = Σ over its tensors of ‖F‖_F, with F = (1/N) Σₙ (∂ℓₙ/∂θ)²;  ℓ = log p(y | x), or the logit of y as released',
  reading:
    'Layers with a high score are those that the task leans on: train them, give them rank, leave them out of averaging. Those at the end of the order can be frozen first. Large tensors and those near the output score high by themselves; compare like with like, or the mean per weight in the lens fisher. Ranks that change between seeds are not to be trusted: take more samples.',
  source: [
    {
      title: 'Merging Models with Fisher-Weighted Averaging (Matena, Raffel 2022)',
      link: 'https://arxiv.org/abs/2111.09832',
    },
  ],
  needs: {
    data: ['gradients', 'labels'],
    instead: 'fisher',
    base: 'required',
    tasks: { minimum: 0 },
    factored: true,
  },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER, AT_PARAMETER, PRECISION_PARAMETER, FROM_PARAMETER],
};

interface LayerScore {
  readonly layer: string;
  readonly score: number;
  /** 1 is the highest. */
  readonly rank: number;
}

/** Sum of the Frobenius norms of the Fisher information of a layer's tensors, and the order that follows. */
export const fimScore: Lens = {
  description,
  async run(study, parameters, context) {
    const found = await studyFisher(study, description, parameters, context, (basis, soFar) =>
      context.partial?.(basis, () => outputOf(soFar())),
    );
    return found.ok ? success(outputOf(found.value)) : found;
  },
};

function outputOf({ tasks, findings, bytesRead }: StudyFisher): LensOutput {
  const scores = tasks.map(scoresOf);
  const artifacts: Artifact[] = [
    advice(tasks, scores),
    ...obstacleNotes(tasks.map(({ fisher }) => fisher.without)),
    curves(tasks, scores),
    ...tasks.map((task) => fisherHeatmap(task, FROBENIUS)),
    layerTable(tasks, scores),
  ];
  return { artifacts, findings, bytesRead };
}

const FROBENIUS = {
  metric: 'frobenius',
  title: 'Score of layer and module',
  unit: 'Σ ‖F‖_F',
  of: (tensors: readonly { readonly frobenius: number }[]) =>
    tensors.reduce((sum, { frobenius }) => sum + frobenius, 0),
};

function scoresOf({ fisher }: TaskFisher): readonly LayerScore[] {
  const sums = new Map<string, number>();
  for (const { tensor, frobenius } of fisher.tensors) {
    const { layer } = placeOf(tensor);
    sums.set(layer, (sums.get(layer) ?? 0) + frobenius);
  }
  const order = [...sums].sort(([, x], [, y]) => y - x).map(([layer]) => layer);
  return [...sums]
    .map(([layer, score]) => ({ layer, score, rank: order.indexOf(layer) + 1 }))
    .sort((x, y) => compareRows(x.layer, y.layer));
}

function curves(tasks: readonly TaskFisher[], scores: readonly (readonly LayerScore[])[]): Series {
  const layers = [...new Set(scores.flat().map(({ layer }) => layer))].sort(compareRows);
  return {
    kind: 'series',
    id: 'scores',
    title: 'Score along the layers',
    x: { title: 'layer', values: layers.map(rowLabel) },
    lines: tasks.map(({ task }, at) => ({
      name: task,
      task,
      values: packNumbers(
        layers.map((layer) => scores[at]?.find((each) => each.layer === layer)?.score ?? null),
      ),
    })),
    unit: 'Σ ‖F‖_F',
    logarithmic: { y: true },
    places: layers.map((layer) => ({ label: rowLabel(layer), layer })),
  };
}

function layerTable(tasks: readonly TaskFisher[], scores: readonly (readonly LayerScore[])[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Score of every layer',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'score', title: 'Score', type: 'number' },
      { name: 'rank', title: 'Rank', type: 'integer' },
    ],
    rows: tasks.flatMap(({ task }, at) =>
      (scores[at] ?? []).map(({ layer, score, rank }) => [task, layer, score, rank]),
    ),
  };
}

function advice(tasks: readonly TaskFisher[], scores: readonly (readonly LayerScore[])[]): Note {
  const lines = tasks.map(({ task, fisher, basis }, at) => {
    const order = (scores[at] ?? []).toSorted((x, y) => x.rank - y.rank).map(({ layer }) => rowLabel(layer));
    const half = Math.ceil(order.length / 2);
    return `${task}: leans most on ${order.slice(0, Math.min(2, half)).join(', ')}; freeze ${order.slice(half).reverse().join(', ') || 'nothing'} first.${fisher.samples === null ? ` ${basis}` : ''}`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to train and what to freeze',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: scores are of these samples and this objective, and favour large tensors. Run with another seed: layers that change places are too close to call.',
    ].join('\n'),
  };
}
