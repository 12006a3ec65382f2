import type { Artifact, Note, Table } from '../protocol/artifact';
import { placeOf } from '../model/naming';
import type { LensDescription } from '../protocol/lens';
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
import type { TensorFisher } from './gradients/fisher-pass';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import type { Lens, LensOutput } from './lens';
import { percent, wholeText } from './wording';

const description: LensDescription = {
  id: 'fisher',
  version: 2,
  title: 'Which weights matter to a task?',
  summary:
    'Runs the network backwards on single samples and sums the squared gradients of every weight: the diagonal of the empirical Fisher information.',
  formula:
    'F = (1/N) Σₙ (∂ log p(yₙ | xₙ, θ) / ∂θ)², entry by entry, with the gradient of each sample by itself',
  reading:
    'Large values are weights where a small step changes what the network says about these samples: hold on to them when merging or pruning; small ones are free to move. Values of different tasks differ in scale by orders of magnitude: compare places within a task, not sums between tasks. A well-fitted network has small gradients everywhere. Standard errors say how far more samples could move a sum. Without a graph, files of Fisher information can be shown, or the second moments of Adam in their stead: those average squared gradients of batches, so only places compare.',
  source: [
    {
      title: 'Merging Models with Fisher-Weighted Averaging (Matena, Raffel 2022)',
      link: 'https://arxiv.org/abs/2111.09832',
    },
    {
      title: 'Overcoming catastrophic forgetting in neural networks (Kirkpatrick et al. 2017)',
      link: 'https://arxiv.org/abs/1612.00796',
    },
    {
      title:
        'Limitations of the Empirical Fisher Approximation for Natural Gradient Descent (Kunstner et al. 2019)',
      link: 'https://arxiv.org/abs/1905.12558',
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

/** Diagonal empirical Fisher information of every task, tensor by tensor. */
export const fisher: Lens = {
  description,
  async run(study, parameters, context) {
    const found = await studyFisher(study, description, parameters, context, (basis, soFar) =>
      context.partial?.(basis, () => outputOf(soFar())),
    );
    return found.ok ? success(outputOf(found.value)) : found;
  },
};

function outputOf({ tasks, findings, bytesRead }: StudyFisher): LensOutput {
  return { artifacts: artifactsOf(tasks), findings, bytesRead };
}

function artifactsOf(tasks: readonly TaskFisher[]): readonly Artifact[] {
  return [
    advice(tasks),
    ...obstacleNotes(tasks.map(({ fisher }) => fisher.without)),
    ...tasks.map((task) => fisherHeatmap(task, MEAN)),
    ...tasks.map((task) => fisherHeatmap(task, SUM)),
    tensorTable(tasks),
  ];
}

const SUM = {
  metric: 'sum',
  title: 'Fisher information of layer and module',
  unit: 'Σ F',
  of: (tensors: readonly TensorFisher[]) => total(tensors, ({ sum }) => sum),
};
const MEAN = {
  metric: 'mean',
  title: 'Fisher information of a weight on average',
  unit: 'mean F',
  of: (tensors: readonly TensorFisher[]) =>
    total(tensors, ({ sum }) => sum) /
    Math.max(
      1,
      total(tensors, ({ count }) => count),
    ),
};

function total(tensors: readonly TensorFisher[], of: (tensor: TensorFisher) => number): number {
  return tensors.reduce((sum, tensor) => sum + of(tensor), 0);
}

function tensorTable(tasks: readonly TaskFisher[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Fisher information of every tensor',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'sum', title: 'Sum', type: 'number' },
      { name: 'frobenius', title: 'Frobenius norm', type: 'number' },
      { name: 'mean', title: 'Mean', type: 'number' },
      { name: 'max', title: 'Largest', type: 'number' },
      { name: 'samples', title: 'Samples', type: 'integer' },
      { name: 'standard_error', title: 'Standard error of the sum', type: 'number' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'noise', title: 'Rounding only', type: 'boolean' },
    ],
    rows: tasks.flatMap(({ task, fisher: { tensors, samples } }) => {
      const noise = noiseOf(tensors);
      return tensors.map((tensor) => {
        const { layer, module } = placeOf(tensor.tensor);
        const { sum, frobenius, count, max, standardError } = tensor;
        const mean = sum / Math.max(1, count);
        return [
          task,
          tensor.tensor,
          sum,
          frobenius,
          mean,
          max,
          samples,
          standardError,
          layer,
          module,
          mean <= noise,
        ];
      });
    }),
  };
}

/** Squares of gradients that float32 leaves of zeros (softmax does not see a shift of all keys): 10⁻¹⁰ of the average. */
const NOISE = 1e-10;

function noiseOf(tensors: readonly TensorFisher[]): number {
  return (
    (NOISE * total(tensors, ({ sum }) => sum)) /
    Math.max(
      1,
      total(tensors, ({ count }) => count),
    )
  );
}

const NAMED = 3;

function advice(tasks: readonly TaskFisher[]): Note {
  const rounded = new Set<string>();
  const lines = tasks.map(({ task, fisher: { tensors }, basis }) => {
    const all = total(tensors, ({ sum }) => sum);
    const ordered = tensors.toSorted((x, y) => y.sum / y.count - x.sum / x.count);
    const noise = noiseOf(tensors);
    const still = tensors
      .filter(({ sum, count }) => sum / Math.max(1, count) <= noise)
      .map(({ tensor }) => tensor);
    const strong = ordered.slice(0, NAMED);
    const share = total(strong, ({ sum }) => sum) / (all || 1);
    for (const tensor of still) rounded.add(tensor);
    return `${task}: a weight matters most in ${strong.map(({ tensor }) => tensor).join(', ')} (${percent(share)} of all information). Hold on to these when merging or pruning. ${basis}`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'What the task holds on to',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      ...roundingLines([...rounded]),
      'Limits: the empirical Fisher takes the labels that the data have, not those that the network would draw, and only the diagonal; it is small for samples that are already right.',
    ].join('\n'),
  };
}

/** One example will do: they are alike, and the table marks each. */
function roundingLines([first, ...others]: readonly string[]): readonly string[] {
  if (first === undefined) return [];
  const more = others.length > 0 ? ` and ${wholeText(others.length)} more that the table marks` : '';
  return [`Rounding only, so without any information: ${first}${more}.`];
}
