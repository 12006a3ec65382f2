import type { StudyNetwork } from '../graph/study-network';
import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success, type Result } from '../protocol/result';
import { captionsOf, layerCurves } from './activations/layer-curves';
import { streamPlaces } from './activations/layer-features';
import { baseOf, measureRuns, pairedRuns, type Measured, type ModelRun } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { readTokens, type TokenRows } from './activations/read-tokens';
import { meanBetween, runEntry, runMatrix } from './activations/run-similarity';
import { labelsOf } from './activations/sample-labels';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { gini, intersectionOverUnion, largestUnits, randomOverlap } from './activations/unit-sets';
import { fromZero } from './domain';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { percent, wholeText } from './wording';

const description: LensDescription = {
  id: 'salient-channels',
  version: 1,
  title: 'Which channels carry the activations?',
  summary:
    'Runs the network on samples, ranks the channels of every layer by the size of their activations, and compares the most salient ones between models and tasks.',
  formula:
    'saliency of a channel = √(mean over samples and tokens of x²) (by class: the mean over classes of it);  selected: the K = ⌈share · d⌉ most salient;  Gini = Σ(2i − d − 1)s₍ᵢ₎ / (d Σs)',
  reading:
    'Salient channel tuning trains a small K × K adapter on the selected channels only. A Gini coefficient near 0: all channels are alike, and the selection means little; towards 1: a few channels carry the layer, and quantisation and pruning must spare them. Sets that base and fine-tune share (IoU far above that of random sets) can be chosen on the base before training; tasks with different sets hardly get in each other’s way. Size is a proxy for importance: a large channel may be constant.',
  source: [
    {
      title:
        'SCT: A Simple Baseline for Parameter-Efficient Fine-Tuning via Salient Channels (Zhao et al. 2023)',
      link: 'https://arxiv.org/abs/2309.08513',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'share',
      title: 'Share of channels',
      help: 'So much of the channels of a layer is selected; an eighth as in the paper.',
      type: 'number',
      default: 0.125,
      minimum: 0.001,
      maximum: 1,
    },
    {
      name: 'by_class',
      title: 'Class by class',
      help: 'Take the saliency of every class by itself and their mean, so that rare classes count as much; needs a label per sample.',
      type: 'boolean',
      default: false,
    },
  ],
};

interface PlaceChannels {
  readonly saliency: Float64Array;
  readonly selected: readonly number[];
}

type Run = Measured<readonly PlaceChannels[]>;

/** Channels by the size of their activations, of the base and of fine-tunes on the same samples. */
export const salientChannels: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const share = Number(parameters['share'] ?? 0.125);
    const byClass = parameters['by_class'] === true;
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      channelsOf(opened.value, run, { share, byClass }, context, progress),
    );
    if (!measured.ok) return measured;
    const places = streamPlaces(opened.value).map(({ entry }) => entry);
    const caption = captionsOf(measured.value);
    const overlaps = meanBetween(measured.value, places.length, (x, y, at) =>
      intersectionOverUnion(x[at]?.selected ?? [], y[at]?.selected ?? []),
    );
    return success({
      artifacts: [
        advice(measured.value, places),
        ...strips(measured.value, places),
        layerCurves(GINI, places, measured.value, (value, at) => gini(value[at]?.saliency ?? []), {
          caption,
        }),
        runMatrix(measured.value, overlaps, {
          id: 'overlap',
          title: 'Selected channels in common',
          caption: `${caption} Mean over the layers.`,
          unit: 'IoU',
          scale: 'sequential',
          domain: [0, 1],
        }),
        table(measured.value, places),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

const GINI = { id: 'gini', title: 'Inequality of channels', unit: 'Gini' };

interface ChannelOptions {
  readonly share: number;
  readonly byClass: boolean;
}

async function channelsOf(
  study: StudyNetwork,
  { task, samples }: ModelRun,
  { share, byClass }: ChannelOptions,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<readonly PlaceChannels[]>> {
  const labels = byClass ? await labelsOf(samples) : success(null);
  if (!labels.ok) return labels;
  const values = streamPlaces(study).map(({ value }) => value);
  const sums = new Map(values.map((value) => [value, new ChannelSums()]));
  const known = labels.value?.perSample === 1 ? labels.value.labels : null;
  const read = await readTokens(
    study,
    { model: task, samples, values, signal, progress },
    (value, rows, first) => sums.get(value)?.add(rows, known?.subarray(first, first + rows.samples) ?? null),
  );
  if (!read.ok) return read;
  return success(
    values.map((value) => {
      const saliency = sums.get(value)?.saliency() ?? new Float64Array();
      return { saliency, selected: largestUnits(saliency, Math.ceil(share * saliency.length)) };
    }),
  );
}

/** Σx² of every channel, class by class. */
export class ChannelSums {
  private readonly classes = new Map<number, { squares: Float64Array; count: number }>();

  /** `labels`: one per sample; `null`: all are of one class. */
  add({ samples, tokens, columns, values }: TokenRows, labels: Float64Array | null): void {
    for (let sample = 0; sample < samples; sample++) {
      const label = labels?.[sample] ?? 0;
      const own = this.classes.get(label) ?? { squares: new Float64Array(columns), count: 0 };
      this.classes.set(label, own);
      own.count += tokens;
      const start = sample * tokens * columns;
      for (let at = 0; at < tokens * columns; at++) {
        const value = values[start + at] ?? 0;
        own.squares[at % columns] = (own.squares[at % columns] ?? 0) + value * value;
      }
    }
  }

  /** √(mean x²) of every channel, on average over the classes. */
  saliency(): Float64Array {
    const all = [...this.classes.values()];
    const length = all[0]?.squares.length ?? 0;
    return Float64Array.from({ length }, (_, k) =>
      all.reduce((sum, { squares, count }) => sum + Math.sqrt((squares[k] ?? 0) / count) / all.length, 0),
    );
  }
}

/** Networks with more channels have too many columns to be drawn one by one. */
const MOST_COLUMNS = 512;

/** Layer × channel, relative to the mean of the layer, for every run. */
function strips(runs: readonly Run[], places: readonly AxisEntry[]): readonly Matrix[] {
  return runs.flatMap((run) => {
    const { name, value, caption } = run;
    const widest = Math.max(0, ...value.map(({ saliency }) => saliency.length));
    if (widest > MOST_COLUMNS) return [];
    const cells = value.flatMap(({ saliency }) => {
      const mean = numberMean(saliency) ?? 0;
      return Array.from({ length: widest }, (_, k) => {
        const own = saliency[k];
        return own === undefined || mean === 0 ? null : own / mean;
      });
    });
    return [
      {
        kind: 'matrix',
        id: `channels:${name}`,
        title: `Size of channels against the mean of their layer, ${name}`,
        facets: { task: name },
        caption,
        rows: places,
        columns: Array.from({ length: widest }, (_, k) => ({ ...runEntry(run), label: String(k) })),
        rowTitle: 'layer',
        columnTitle: 'channel',
        values: packNumbers(cells),
        unit: '× mean',
        scale: 'sequential',
        domain: fromZero(cells),
      },
    ];
  });
}

function table(runs: readonly Run[], places: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Selected channels of every layer',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'channels', title: 'Channels', type: 'integer' },
      { name: 'selected', title: 'Selected', type: 'integer' },
      { name: 'gini', title: 'Gini', type: 'number' },
      { name: 'energy', title: 'Energy of the selected', type: 'share' },
      { name: 'base_iou', title: 'IoU with the base', type: 'number' },
      { name: 'random_iou', title: 'IoU of random sets', type: 'number' },
      { name: 'adapter', title: 'Parameters of a K × K adapter', type: 'integer' },
      { name: 'indices', title: 'Indices', type: 'text', hidden: true },
    ],
    rows: runs.flatMap((run) =>
      places.map(({ label, layer }, at) => {
        const { saliency = new Float64Array(), selected = [] } = run.value[at] ?? {};
        const own = baseOf(run, runs)?.value[at]?.selected;
        return [
          run.model,
          run.samples.name,
          layer ?? label,
          saliency.length,
          selected.length,
          gini(saliency),
          energyOf(saliency, selected),
          own ? intersectionOverUnion(own, selected) : null,
          randomOverlap(selected.length, selected.length, saliency.length),
          selected.length ** 2,
          [...selected],
        ];
      }),
    ),
  };
}

function energyOf(saliency: Float64Array, selected: readonly number[]): number | null {
  const total = saliency.reduce((sum, value) => sum + value * value, 0);
  const own = selected.reduce((sum, at) => sum + (saliency[at] ?? 0) ** 2, 0);
  return total > 0 ? own / total : null;
}

function advice(runs: readonly Run[], places: readonly AxisEntry[]) {
  const lines = runs.flatMap((run) => {
    const shares = run.value.map(({ saliency, selected }) => energyOf(saliency, selected));
    const energy = numberMean(shares) ?? 0;
    const counts = run.value.map(({ selected }) => selected.length);
    const adapters = counts.reduce((sum, count) => sum + count ** 2, 0);
    const top = shares.reduce<number>(
      (best, value, at) => ((value ?? 0) > (shares[best] ?? 0) ? at : best),
      0,
    );
    const text = `${run.name}: the selected channels carry ${percent(energy)} of the energy, most in ${places[top]?.label ?? ''} (${percent(shares[top] ?? 0)}); K × K adapters on all places have ${wholeText(adapters)} parameters.`;
    const base = baseOf(run, runs);
    if (!base) return [text];
    const shared = numberMean(
      run.value.map(({ selected }, at) => intersectionOverUnion(selected, base.value[at]?.selected ?? [])),
    );
    const chance = numberMean(
      run.value.map(({ saliency, selected }) =>
        randomOverlap(selected.length, selected.length, saliency.length),
      ),
    );
    const kept =
      (shared ?? 0) > 0.5
        ? 'they can be chosen on the base'
        : 'choose them after training, or on the data of the task';
    return [
      `${text} IoU with those of the base ${percent(shared ?? 0)} (random sets ${percent(chance ?? 0)}): ${kept}.`,
    ];
  });
  return recommendation(
    'Which channels to tune',
    lines,
    'the size of an activation is not its importance; a channel that is large and the same for every sample carries nothing.',
  );
}
