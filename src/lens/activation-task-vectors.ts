import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import { comparedModel, dataSetRuns } from './activations/data-set-runs';
import { captionsOf } from './activations/layer-curves';
import { layerFeatures, streamPlaces } from './activations/layer-features';
import { measureRuns, type Measured } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { POSITION_PARAMETER, positionOf, SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { explainedShare, leastSquares } from './gram-solve';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { percent, shortNumber } from './wording';

const description: LensDescription = {
  id: 'activation-task-vectors',
  version: 1,
  title: 'At which layer does the network know its task?',
  summary:
    'Takes what a layer holds at the last token, on average over the samples of a data set, as the vector of its task, and compares the vectors of all data sets.',
  formula:
    'h(task, layer) = mean over samples of the hidden state at the position;  margin = mean cos(two halves of a task) − mean cos(two tasks), the mean of all tasks taken off;  mixture: weights that minimise ‖h − Σ wₜhₜ‖² over the other tasks',
  reading:
    'Give each task a data set of prompts. In the first layers the vectors of all tasks are alike or all samples differ; where the margin peaks, the network has understood the task and not yet answered: put a vector in or take it out there. Name data sets task/form (capital/text, capital/image): forms of one task then count as the same, and a margin between forms shows a vector that crosses modalities. A task that others explain well is a superposition of them: a prompt with examples of several tasks shows their shares as its weights. Without labels and answers: a proxy for patching the vector into another run.',
  source: [
    {
      title: 'Vision-Language Models Create Cross-Modal Task Representations (Luo, Darrell, Bar 2024)',
      link: 'https://arxiv.org/abs/2410.22330',
    },
    {
      title:
        'Everything Everywhere All at Once: LLMs can In-Context Learn Multiple Tasks in Superposition (Xiong et al. 2024)',
      link: 'https://arxiv.org/abs/2410.05603',
    },
    {
      title: 'Function Vectors in Large Language Models (Todd et al. 2023)',
      link: 'https://arxiv.org/abs/2310.15213',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    POSITION_PARAMETER,
    {
      name: 'model',
      title: 'Model',
      help: 'The model that runs on all data sets: base, or the name of a task.',
      type: 'text',
      default: 'base',
    },
  ],
};

/** Mean hidden states of one data set at one place: of all samples, and of each half. */
interface TaskState {
  readonly whole: Float64Array;
  readonly halves: readonly [Float64Array, Float64Array];
}

type Run = Measured<readonly TaskState[]>;

/** Cosines between mean hidden states of data sets in every layer, and how well others explain each. */
export const activationTaskVectors: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const model = comparedModel(String(parameters['model'] ?? 'base'), study.tasks);
    if (!model.ok) return model;
    const runs = await dataSetRuns(opened.value, model.value, 2);
    if (!runs.ok) return runs;
    const measured = await measureRuns(runs.value, context, async ({ task, samples }, progress) => {
      const budget = context.memoryBudget / 4;
      const request = { model: task, samples, pool: positionOf(parameters), budget, progress };
      const read = await layerFeatures(opened.value, request, context);
      return read.ok ? success(read.value.map(stateOf)) : read;
    });
    if (!measured.ok) return measured;
    const places = streamPlaces(opened.value).map(({ entry }) => entry);
    const layers = places.map((_, at) => layerOf(measured.value, at));
    const caption = `${model.value?.name ?? 'base'}. ${captionsOf(measured.value)}`;
    return success({
      artifacts: [
        advice(measured.value, places, layers),
        {
          kind: 'series',
          id: 'margin',
          title: 'How far tasks stand apart along the layers',
          caption,
          x: { title: 'layer', values: places.map(({ label }) => label) },
          lines: [
            { name: 'same task', values: packNumbers(layers.map(({ same }) => same)) },
            { name: 'other task', values: packNumbers(layers.map(({ other }) => other)) },
            { name: 'margin', values: packNumbers(layers.map(({ margin }) => margin)) },
          ],
          unit: 'cos',
          places,
        },
        ...[...places.keys()].reverse().map((at) => heatmap(measured.value, places, layers, at, caption)),
        layerTable(places, layers),
        mixtureTable(measured.value, places),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

function stateOf(features: Dense): TaskState {
  const mean = (keep: (row: number) => boolean): Float64Array => {
    const { rows, columns, values } = features;
    const sum = new Float64Array(columns);
    let count = 0;
    for (let row = 0; row < rows; row++) {
      if (!keep(row)) continue;
      count++;
      for (let k = 0; k < columns; k++) sum[k] = (sum[k] ?? 0) + (values[row * columns + k] ?? 0);
    }
    return sum.map((value) => value / Math.max(1, count));
  };
  return { whole: mean(() => true), halves: [mean((row) => row % 2 === 0), mean((row) => row % 2 === 1)] };
}

/** Cosines of one layer. */
interface LayerTasks {
  /** Row-major; the diagonal is that of the two halves of a task. */
  readonly cosines: readonly (number | null)[];
  readonly same: number | null;
  readonly other: number | null;
  readonly margin: number | null;
}

/** What a data set is an example of: its name up to the last "/". */
function taskOf(name: string): string {
  const slash = name.lastIndexOf('/');
  return slash > 0 ? name.slice(0, slash) : name;
}

function layerOf(runs: readonly Run[], at: number): LayerTasks {
  const centre = meanOf(runs.map(({ value }) => value[at]?.whole ?? new Float64Array()));
  const cosines = runs.flatMap(({ value: x }, i) =>
    runs.map(({ value: y }, j) => {
      const [a, b] = i === j ? (x[at]?.halves ?? []) : [x[at]?.whole, y[at]?.whole];
      return a && b ? centredCosine(a, b, centre) : null;
    }),
  );
  const pairs = (wanted: boolean) =>
    numberMean(
      cosines.filter((_, k) => {
        const [i, j] = [Math.floor(k / runs.length), k % runs.length];
        return (taskOf(runs[i]?.name ?? '') === taskOf(runs[j]?.name ?? '')) === wanted;
      }),
    );
  const [same, other] = [pairs(true), pairs(false)];
  return { cosines, same, other, margin: same === null || other === null ? null : same - other };
}

function meanOf(vectors: readonly Float64Array[]): Float64Array {
  const length = vectors[0]?.length ?? 0;
  return Float64Array.from(
    { length },
    (_, k) => vectors.reduce((sum, each) => sum + (each[k] ?? 0), 0) / vectors.length,
  );
}

/** What float32 leaves of vectors that are all the same. */
const ROUNDING = 1e-5;

function centredCosine(x: Float64Array, y: Float64Array, centre: Float64Array): number | null {
  let [dot, xx, yy, size] = [0, 0, 0, 0];
  x.forEach((value, k) => {
    const a = value - (centre[k] ?? 0);
    const b = (y[k] ?? 0) - (centre[k] ?? 0);
    dot += a * b;
    xx += a * a;
    yy += b * b;
    size += value * value;
  });
  return Math.min(xx, yy) > ROUNDING ** 2 * size ? dot / Math.sqrt(xx * yy) : null;
}

function heatmap(
  runs: readonly Run[],
  places: readonly AxisEntry[],
  layers: readonly LayerTasks[],
  at: number,
  caption: string,
): Matrix {
  const entries = runs.map(({ name }) => ({ label: name }));
  const label = places[at]?.label ?? '';
  return {
    kind: 'matrix',
    id: `cosines:${label}`,
    title: `Cosines between the vectors of tasks, ${label}`,
    facets: { layer: label },
    caption: `${caption} The mean of all tasks is taken off; on the diagonal the two halves of a task.`,
    rows: entries,
    columns: entries,
    rowTitle: 'data set',
    columnTitle: 'data set',
    values: packNumbers(layers[at]?.cosines ?? []),
    unit: 'cos',
    scale: 'diverging',
    domain: [-1, 1],
  };
}

function layerTable(places: readonly AxisEntry[], layers: readonly LayerTasks[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'How far tasks stand apart in every layer',
    columns: [
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'same', title: 'Same task', type: 'number' },
      { name: 'other', title: 'Other task', type: 'number' },
      { name: 'margin', title: 'Margin', type: 'number' },
    ],
    rows: places.map(({ layer, label }, at) => {
      const { same = null, other = null, margin = null } = layers[at] ?? {};
      return [layer ?? label, same, other, margin];
    }),
  };
}

/** Every data set as a mixture of the others. */
function mixtureTable(runs: readonly Run[], places: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'mixtures',
    title: 'Every task as a mixture of the others',
    columns: [
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'of', title: 'Made of', type: 'text' },
      { name: 'weight', title: 'Weight', type: 'number' },
      { name: 'explained', title: 'Explained by all', type: 'share' },
    ],
    rows: places.flatMap(({ layer, label }, at) =>
      runs.flatMap((run, i) => {
        const others = runs.filter((_, j) => j !== i);
        const { weights, explained } = mixtureOf(
          run.value[at]?.whole ?? new Float64Array(),
          others.map(({ value }) => value[at]?.whole ?? new Float64Array()),
        );
        return others.map(({ name }, j) => [layer ?? label, run.name, name, weights[j] ?? null, explained]);
      }),
    ),
  };
}

/** Weights of the least squares of one vector on others, and the share of its energy that they explain. */
export function mixtureOf(
  vector: Float64Array,
  others: readonly Float64Array[],
): { readonly weights: Float64Array; readonly explained: number | null } {
  const inner = (x: Float64Array, y: Float64Array) =>
    x.reduce((sum, value, k) => sum + value * (y[k] ?? 0), 0);
  const gram = Float64Array.from(others.flatMap((x) => others.map((y) => inner(x, y))));
  const b = Float64Array.from(others, (x) => inner(x, vector));
  const weights = leastSquares(gram, b);
  return { weights, explained: explainedShare(gram, b, inner(vector, vector), weights) };
}

function advice(runs: readonly Run[], places: readonly AxisEntry[], layers: readonly LayerTasks[]) {
  const best = layers.reduce<number>(
    (top, { margin }, at) => ((margin ?? -2) > (layers[top]?.margin ?? -2) ? at : top),
    0,
  );
  const margin = layers[best]?.margin ?? null;
  const lines =
    margin === null
      ? []
      : [
          `Tasks stand furthest apart in ${places[best]?.label ?? ''} (margin ${shortNumber(margin)}): take task vectors there, or put them in there.`,
        ];
  const mixed = runs.map((run, i) => ({
    name: run.name,
    explained:
      mixtureOf(
        run.value[best]?.whole ?? new Float64Array(),
        runs.filter((_, j) => j !== i).map(({ value }) => value[best]?.whole ?? new Float64Array()),
      ).explained ?? 0,
  }));
  const most = mixed.toSorted((x, y) => y.explained - x.explained)[0];
  if (most && runs.length > 2)
    lines.push(`${most.name} is the one that the others explain best there (${percent(most.explained)}).`);
  return recommendation(
    'Where the task is',
    lines,
    'a vector that tells tasks apart need not be one that the network acts on: put it into a run without the task and see whether the answer changes.',
  );
}
