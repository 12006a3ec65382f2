import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { cancelled, success, type Result } from '../protocol/result';
import { comparedModel, dataSetRuns } from './activations/data-set-runs';
import {
  cloudOf,
  compareClouds,
  type CloudComparison,
  type FeatureCloud,
} from './activations/distribution-distance';
import { layerFeatures, streamPlaces } from './activations/layer-features';
import { captionsOf } from './activations/layer-curves';
import { measureRuns, type Measured } from './activations/model-runs';
import { POOL_PARAMETER, poolOf, SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { fromZero } from './domain';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { pause } from './pause';
import { recommendation } from './recommendation';
import { shortNumber } from './wording';

const description: LensDescription = {
  id: 'transfer',
  version: 1,
  title: 'Which data sets are near each other inside the network?',
  summary:
    'Runs one model on every data set of the study and compares the distributions of what its layers give: which task could help which.',
  formula:
    'covariance: ‖C₁^½C₂^½‖_F / √(‖C₁‖_F ‖C₂‖_F);  Fréchet: ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2(C₁^½C₂C₁^½)^½);  MMD² with a Gaussian kernel of the median distance;  transport: Σ PᵢⱼDᵢⱼ of Sinkhorn’s plan;  cosine of the means',
  reading:
    'Data sets that lie near each other use the same features: training on one is likely to help the other, and merging their fine-tunes disturbs less. All figures are proxies for measured transfer: use them to shorten the list of sources, then train. Look at the layer at which the tasks would share weights; in the first layers surface counts (brightness, vocabulary), in the last ones the answer. A covariance similarity near 1 with a large Fréchet distance means the same directions around another mean: a shift that normalisation or a bias can take up. Distances have the scale of their layer: compare pairs within a layer. An MMD² about 0, also below, means no difference that these samples show.',
  source: [
    {
      title: 'Understanding and Improving Information Transfer in Multi-Task Learning (Wu, Zhang, Ré 2020)',
      link: 'https://arxiv.org/abs/2005.00944',
    },
    {
      title: 'A Kernel Two-Sample Test (Gretton et al. 2012)',
      link: 'https://www.jmlr.org/papers/v13/gretton12a.html',
    },
    {
      title: 'GANs Trained by a Two Time-Scale Update Rule (Heusel et al. 2017)',
      link: 'https://arxiv.org/abs/1706.08500',
    },
    {
      title: 'Sinkhorn Distances: Lightspeed Computation of Optimal Transport (Cuturi 2013)',
      link: 'https://arxiv.org/abs/1306.0895',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS.map((each) =>
      each.name === 'samples' && each.type === 'number' ? { ...each, default: 128, maximum: 5000 } : each,
    ),
    POOL_PARAMETER,
    {
      name: 'model',
      title: 'Model',
      help: 'The model that runs on all data sets: base, or the name of a task.',
      type: 'text',
      default: 'base',
    },
  ],
};

const METRICS: readonly (readonly [keyof CloudComparison, string, string, string])[] = [
  ['covariance', 'covariance', 'Similarity of covariances', 'similarity'],
  ['frechet', 'frechet', 'Fréchet distance', 'distance²'],
  ['mmd', 'mmd', 'Maximum mean discrepancy', 'MMD²'],
  ['transport', 'transport', 'Cost of transport', 'distance²'],
  ['meanCosine', 'mean_cosine', 'Cosine of the means', 'cos'],
];

type Clouds = readonly FeatureCloud[];
type Run = Measured<Clouds>;

/** Distances between the distributions of data sets in every layer of one model. */
export const transfer: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const model = comparedModel(String(parameters['model'] ?? 'base'), study.tasks);
    if (!model.ok) return model;
    const runs = await dataSetRuns(opened.value, model.value, 2);
    if (!runs.ok) return runs;
    const budget = context.memoryBudget / 4 / runs.value.length;
    const measured = await measureRuns(runs.value, context, async ({ task, samples }, progress) => {
      const request = { model: task, samples, pool: poolOf(parameters), budget, progress };
      const read = await layerFeatures(opened.value, request, context);
      return read.ok ? success(read.value.map(cloudOf)) : read;
    });
    if (!measured.ok) return measured;
    const places = streamPlaces(opened.value).map(({ entry }) => entry);
    const compared = await comparisons(measured.value, places.length, context.signal);
    if (!compared.ok) return compared;
    const caption = `${model.value?.name ?? 'base'}. ${captionsOf(measured.value)}`;
    return success({
      artifacts: [
        advice(measured.value, places, compared.value),
        ...METRICS.flatMap((metric) =>
          [...places.keys()]
            .reverse()
            .map((at) => heatmap(measured.value, places, compared.value, metric, at, caption)),
        ),
        table(measured.value, places, compared.value),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

/** By place, row-major over data sets. */
type Compared = readonly (readonly CloudComparison[])[];

async function comparisons(
  runs: readonly Run[],
  places: number,
  signal: AbortSignal,
): Promise<Result<Compared>> {
  const found: CloudComparison[][] = [];
  for (let at = 0; at < places; at++) {
    const cells: CloudComparison[] = [];
    for (const [i, { value: x }] of runs.entries()) {
      for (const [j, { value: y }] of runs.entries()) {
        const [a, b] = [x[at], y[at]];
        const mirrored = j < i ? cells[j * runs.length + i] : undefined;
        if (a && b) cells.push(mirrored ?? compareClouds(a, b));
      }
      await pause();
      if (signal.aborted) return cancelled();
    }
    found.push(cells);
  }
  return success(found);
}

function heatmap(
  runs: readonly Run[],
  places: readonly AxisEntry[],
  compared: Compared,
  [key, id, title, unit]: (typeof METRICS)[number],
  at: number,
  caption: string,
): Matrix {
  const entries = runs.map(({ name }) => ({ label: name }));
  const values = (compared[at] ?? []).map((cell) => cell[key]);
  const label = places[at]?.label ?? '';
  const similar = key === 'covariance' || key === 'meanCosine';
  return {
    kind: 'matrix',
    id: `${id}:${label}`,
    title: `${title}, ${label}`,
    facets: { metric: title, layer: label },
    caption,
    rows: entries,
    columns: entries,
    rowTitle: 'data set',
    columnTitle: 'data set',
    values: packNumbers(values),
    unit,
    scale: 'sequential',
    domain: similar ? [Math.min(0, ...values.map((value) => value ?? 0)), 1] : fromZero(values),
  };
}

function table(runs: readonly Run[], places: readonly AxisEntry[], compared: Compared): Table {
  return {
    kind: 'table',
    id: 'pairs',
    title: 'All pairs',
    columns: [
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'a', title: 'Data set', type: 'text' },
      { name: 'b', title: 'and', type: 'text' },
      ...METRICS.map(([, name, title]) => ({ name, title, type: 'number' as const })),
    ],
    rows: places.flatMap(({ layer, label }, at) =>
      runs.flatMap(({ name: a }, i) =>
        runs.slice(i + 1).map(({ name: b }, k) => {
          const cell = compared[at]?.[i * runs.length + i + 1 + k];
          return [layer ?? label, a, b, ...METRICS.map(([key]) => cell?.[key] ?? null)];
        }),
      ),
    ),
  };
}

function advice(runs: readonly Run[], places: readonly AxisEntry[], compared: Compared) {
  const last = compared.at(-1) ?? [];
  const lines = runs.map(({ name }, i) => {
    const others = runs
      .map(({ name: other }, j) => ({ other, j, distance: last[i * runs.length + j]?.frechet ?? Infinity }))
      .filter(({ j }) => j !== i)
      .sort((x, y) => x.distance - y.distance);
    const [nearest] = others;
    const order = others.map(({ other }) => other).join(', ');
    const share = nearest ? last[i * runs.length + nearest.j]?.covariance : null;
    return `${name}: nearest first ${order} (by Fréchet distance in ${places.at(-1)?.label ?? ''}${share === null || share === undefined ? '' : `; similarity of covariances with the first ${shortNumber(share)}`}).`;
  });
  return recommendation(
    'Which data set to try as a source',
    lines,
    'near is not useful: labels are not looked at. Measure the transfer of the first few.',
  );
}
