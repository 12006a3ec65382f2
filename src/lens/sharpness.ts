import { rowLabel } from '../model/naming';
import type { Artifact, Matrix, Note, Series, Table } from '../protocol/artifact';
import type { LensDescription, ParameterDeclaration } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { extent } from './domain';
import { AT_PARAMETER } from './gradients/fisher-models';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import { taskSharpness, type TaskSharpness } from './gradients/perturbed-loss';
import { atBase, atFineTune, taskGradients, withoutGradient } from './gradients/task-gradients';
import type { Lens } from './lens';
import { shortNumber } from './wording';

const RADIUS: ParameterDeclaration = {
  name: 'rho',
  title: 'Radius ρ',
  help: 'Length of the step in the space of the weights: 0.05 is usual for sharpness-aware training.',
  type: 'number',
  default: 0.05,
  minimum: 1e-6,
  maximum: 100,
};

const description: LensDescription = {
  id: 'sharpness',
  version: 1,
  title: 'Does the model sit on a ridge or in a valley?',
  summary:
    'Steps from the weights a little up the gradient of every task, in all layers and in each alone, and a little along every task vector, and looks how much the loss rises.',
  formula:
    'S = L(θ + ρ·g/‖g‖) − L(θ), all layers at once;  S⁽ˡ⁾ with g of one layer only;  along task vectors L(θ + ρ·τ/‖τ‖) − L(θ)',
  reading:
    'Large values: a small change of the weights (quantisation, merging, more training) costs much there; small ones: the model sits in a flat place. Compare layers of one task, and one task between models with the same ρ; the losses of different tasks have different scales. A rise along the task vector of another task says that merging that one in begins with a loss; a fall, that it helps.',
  source: [
    {
      title:
        'Sharpness-Aware Minimization for Efficiently Improving Generalization (Foret et al. 2021), equation 2',
      link: 'https://arxiv.org/abs/2010.01412',
    },
    {
      title: 'Improving Multi-task Learning via Seeking Task-based Flat Regions (Phan et al. 2022)',
      link: 'https://arxiv.org/abs/2211.13723',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER, AT_PARAMETER, RADIUS],
};

/** Rise of every task's loss within a small step of the weights. */
export const sharpness: Lens = {
  description,
  async run(study, parameters, context) {
    const base = parameters['at'] === 'base';
    const rho = Number(parameters['rho'] ?? 0.05);
    const found = await taskGradients(
      study,
      description,
      parameters,
      halfOf(context),
      base ? atBase : atFineTune,
    );
    if (!found.ok) return found;
    const { network, tasks } = found.value;
    const sharp: TaskSharpness[] = [];
    for (const [at, task] of tasks.entries()) {
      const own = await taskSharpness(study, found.value, task, base, rho, {
        signal: context.signal,
        progress: (share) => {
          const fraction = 0.5 + (0.5 * (at + share)) / tasks.length;
          context.progress(fraction, `${task.task}: loss around the weights`);
        },
      });
      if (!own.ok) return own;
      sharp.push(own.value);
    }
    const caption = `${base ? 'At the base' : 'At the fine-tunes'}, ρ = ${shortNumber(rho)}. ${found.value.caption}`;
    const artifacts: Artifact[] = [
      advice(sharp),
      ...withoutGradient(tasks),
      layerCurves(sharp, caption),
      ...directionMatrix(sharp, caption),
      taskTable(sharp, caption),
      layerTable(sharp),
      directionTable(sharp),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

/** The gradients are the first half of the work. */
function halfOf<C extends { progress(fraction: number, message: string): void }>(context: C): C {
  return {
    ...context,
    progress: (fraction: number, message: string) => context.progress(fraction / 2, message),
  };
}

function layerCurves(tasks: readonly TaskSharpness[], caption: string): Series {
  const layers = tasks[0]?.layers.map(({ layer }) => layer) ?? [];
  return {
    kind: 'series',
    id: 'curves',
    title: 'Sharpness along the layers',
    caption: `Only the weights of one layer step, by the whole ρ. ${caption}`,
    x: { title: 'layer', values: layers.map(rowLabel) },
    lines: tasks.map(({ task, layers: own }) => ({
      name: task,
      task,
      values: packNumbers(layers.map((layer) => own.find((each) => each.layer === layer)?.rise ?? null)),
    })),
    unit: 'L(θ + ρ·g/‖g‖) − L(θ)',
    places: layers.map((layer) => ({ label: rowLabel(layer), layer })),
  };
}

/** Losses × task vectors; none where the study has no task. */
function directionMatrix(tasks: readonly TaskSharpness[], caption: string): Matrix[] {
  const names = tasks[0]?.directions.map(({ vector }) => vector) ?? [];
  if (names.length === 0) return [];
  const values = tasks.flatMap(({ directions }) => directions.map(({ rise }) => rise));
  const range = extent(values);
  const most = range === null ? 0 : Math.max(Math.abs(range[0]), Math.abs(range[1]));
  return [
    {
      kind: 'matrix',
      id: 'along',
      title: 'Rise of the loss along a task vector',
      caption,
      rows: tasks.map(({ task }) => ({ label: task, task })),
      columns: names.map((task) => ({ label: task, task })),
      rowTitle: 'loss of',
      columnTitle: 'task vector of',
      values: packNumbers(values),
      unit: 'L(θ + ρ·τ/‖τ‖) − L(θ)',
      scale: 'diverging',
      domain: most > 0 ? [-most, most] : null,
    },
  ];
}

function taskTable(tasks: readonly TaskSharpness[], caption: string): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Sharpness of every task',
    caption,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'loss', title: 'Loss', type: 'number' },
      { name: 'sharpness', title: 'Sharpness', type: 'number' },
      { name: 'first_order', title: 'ρ·‖g‖', type: 'number' },
      { name: 'gradient_norm', title: '‖g‖', type: 'number' },
      { name: 'samples', title: 'Samples', type: 'integer' },
    ],
    rows: tasks.map(({ task, loss, rise, norm, rho, samples }) => [
      task,
      loss,
      rise,
      rho * norm,
      norm,
      samples,
    ]),
  };
}

function layerTable(tasks: readonly TaskSharpness[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Sharpness of every layer',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'sharpness', title: 'Sharpness', type: 'number' },
    ],
    rows: tasks.flatMap(({ task, layers }) => layers.map(({ layer, rise }) => [task, layer, rise])),
  };
}

function directionTable(tasks: readonly TaskSharpness[]): Table {
  return {
    kind: 'table',
    id: 'directions',
    title: 'Along task vectors',
    columns: [
      { name: 'task', title: 'Loss of', type: 'text' },
      { name: 'vector', title: 'Task vector of', type: 'text' },
      { name: 'rise', title: 'Rise of the loss', type: 'number' },
    ],
    rows: tasks.flatMap(({ task, directions }) => directions.map(({ vector, rise }) => [task, vector, rise])),
  };
}

const NAMED = 2;

function advice(tasks: readonly TaskSharpness[]): Note {
  const lines = tasks.map(({ task, loss, rise, layers }) => {
    const sharpest = layers
      .filter((each) => each.rise !== null)
      .toSorted((x, y) => (y.rise ?? 0) - (x.rise ?? 0))
      .slice(0, NAMED)
      .map(({ layer }) => rowLabel(layer));
    if (rise === null) {
      return `${task}: no rise of the loss can be given: the gradient is 0, or the network gives no number one step up; try a smaller ρ.`;
    }
    return `${task}: the loss of ${shortNumber(loss)} rises by ${shortNumber(rise)} within ρ; sharpest in ${sharpest.join(' and ')}: keep more bits and smaller merge steps there.`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'Where small changes cost most',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: one step up the gradient of these samples, not the worst of all steps; sharpness changes when weights are rescaled without changing the network, so compare models of one architecture.',
    ].join('\n'),
  };
}
