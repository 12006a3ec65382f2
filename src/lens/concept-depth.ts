import type { StudyNetwork } from '../graph/study-network';
import type { AxisEntry, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { cancelled, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import { captionsOf, layerCurves } from './activations/layer-curves';
import { layerFeatures, streamPlaces } from './activations/layer-features';
import { accuracyOf, fitProbe, rowsOf, splitByClass, type Labelled } from './activations/linear-probe';
import { baseOf, measureRuns, pairedRuns, type Measured, type ModelRun } from './activations/model-runs';
import type { Pool } from './activations/pooling';
import { POOL_PARAMETER, poolOf, SAMPLE_PARAMETERS } from './activations/sample-parameters';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { pause } from './pause';
import { recommendation } from './recommendation';
import { percent, shortNumber, wholeText } from './wording';
import { classesOf } from './activations/probe-classes';

const description: LensDescription = {
  id: 'concept-depth',
  version: 1,
  title: 'At which depth are the labels known?',
  summary:
    'Trains a linear probe on what every layer gives and shows from which layer on the labels of the samples can be read off.',
  formula:
    'accuracy(layer) on held-out samples of argmax Wx + b, with Σ −log softmax(Wx + b)[y] + ‖W‖²/(2C) least on the others;  jump: first layer with accuracy ≥ 1.1 × that before;  converged: first layer within 3 % of the best',
  reading:
    'Simple concepts are known early, hard ones late. Behind the layer where accuracy has converged the network learns nothing more about these labels: leave early, or take features there. A fine-tune whose curve rises earlier than that of the base has moved the concept to shallower layers; where both end alike, a linear head on the base does as well as the fine-tune. Compare with the share of the largest class: a probe that knows nothing reaches that. Names of the marks as in the paper; their thresholds are ours.',
  source: [
    {
      title:
        'Exploring Concept Depth: How Large Language Models Acquire Knowledge at Different Layers? (Jin et al. 2024)',
      link: 'https://arxiv.org/abs/2404.07066',
    },
    {
      title: 'Understanding intermediate layers using linear classifier probes (Alain, Bengio 2016)',
      link: 'https://arxiv.org/abs/1610.01644',
    },
  ],
  needs: { data: ['activations', 'labels'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    POOL_PARAMETER,
    {
      name: 'c',
      title: 'C of the probe',
      help: 'How much the probe may fit the samples it learns from; small values hold its weights small.',
      type: 'number',
      default: 0.1,
      minimum: 1e-6,
      maximum: 1e6,
    },
  ],
};

/** Probes of one run. */
interface Depth {
  /** On held-out samples, by place. */
  readonly accuracy: readonly (number | null)[];
  /** On the samples learnt from. */
  readonly fitted: readonly (number | null)[];
  /** Share of the largest class among the held-out. */
  readonly chance: number;
  readonly learnt: number;
  readonly heldOut: number;
  readonly jump: number | null;
  readonly converged: number | null;
}

type Run = Measured<Depth>;

/** Accuracy of a linear probe on every layer, of the base and of fine-tunes on the same samples. */
export const conceptDepth: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const options = {
      pool: poolOf(parameters),
      c: Number(parameters['c'] ?? 0.1),
      seed: Number(parameters['seed'] ?? 0),
    };
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      depthOf(opened.value, run, options, context, progress),
    );
    if (!measured.ok) return measured;
    const places = streamPlaces(opened.value).map(({ entry }) => entry);
    return success({
      artifacts: [
        advice(measured.value, places),
        layerCurves(ACCURACY, places, measured.value, ({ accuracy }, at) => accuracy[at] ?? null, {
          caption: `${captionsOf(measured.value)} On the third that no probe learnt from.`,
        }),
        layerTable(measured.value, places),
        markTable(measured.value, places),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

const ACCURACY = { id: 'accuracy', title: 'Accuracy of a linear probe', unit: 'share right' };

interface ProbeOptions {
  readonly pool: Pool;
  readonly c: number;
  readonly seed: number;
}

async function depthOf(
  study: StudyNetwork,
  run: ModelRun,
  options: ProbeOptions,
  context: LensContext,
  progress: (share: number) => void,
): Promise<Result<Depth>> {
  const labelled = await classesOf(run.samples, options.pool);
  if (!labelled.ok) return labelled;
  const { samples, pool, labels, classes } = labelled.value;
  const features = await layerFeatures(
    study,
    {
      model: run.task,
      samples,
      pool,
      budget: context.memoryBudget / 4,
      progress: (share) => progress(share / 2),
    },
    context,
  );
  if (!features.ok) return features;
  const known = labels.flatMap((label, row) => (label >= 0 ? [row] : []));
  const split = splitByClass(
    Int32Array.from(known, (row) => labels[row] ?? 0),
    options.seed,
  );
  const accuracy: (number | null)[] = [];
  const fitted: (number | null)[] = [];
  const heldOut = split.test.map((at) => known[at] ?? 0);
  for (const [at, own] of features.value.entries()) {
    const whole: Labelled = { features: own, labels: Int32Array.from(labels) };
    const train = rowsOf(
      whole,
      split.train.map((each) => known[each] ?? 0),
    );
    const probe = isUsable(own) ? fitProbe(train, classes, options.c) : null;
    accuracy.push(probe && accuracyOf(probe, rowsOf(whole, heldOut)));
    fitted.push(probe && accuracyOf(probe, train));
    progress(0.5 + (at + 1) / features.value.length / 2);
    await pause();
    if (context.signal.aborted) return cancelled();
  }
  const counts = new Map<number, number>();
  for (const row of heldOut) counts.set(labels[row] ?? 0, (counts.get(labels[row] ?? 0) ?? 0) + 1);
  return success({
    accuracy,
    fitted,
    chance: Math.max(0, ...counts.values()) / Math.max(1, heldOut.length),
    learnt: split.train.length,
    heldOut: heldOut.length,
    ...marksOf(accuracy),
  });
}

function isUsable({ values }: Dense): boolean {
  return values.every(Number.isFinite);
}

/** A layer that multiplies the accuracy of the one before by so much is a jump; one within so much of the best has converged. */
const JUMP = 1.1;
const CONVERGED = 0.97;

/** The two marks of a curve, as indices of places; `null` where there are none. */
export function marksOf(accuracy: readonly (number | null)[]): Pick<Depth, 'jump' | 'converged'> {
  const jump = accuracy.findIndex((value, at) => {
    const before = accuracy[at - 1] ?? null;
    return value !== null && before !== null && before > 0 && value >= JUMP * before;
  });
  const best = Math.max(0, ...accuracy.map((value) => value ?? 0));
  const converged = accuracy.findIndex((value) => best > 0 && (value ?? 0) >= CONVERGED * best);
  return { jump: jump < 0 ? null : jump, converged: converged < 0 ? null : converged };
}

function layerTable(runs: readonly Run[], places: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Accuracy of every layer',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'accuracy', title: 'Accuracy', type: 'share' },
      { name: 'fitted', title: 'On what it learnt from', type: 'share' },
    ],
    rows: runs.flatMap(({ model, samples, value }) =>
      places.map(({ label, layer }, at) => [
        model,
        samples.name,
        layer ?? label,
        value.accuracy[at] ?? null,
        value.fitted[at] ?? null,
      ]),
    ),
  };
}

function markTable(runs: readonly Run[], places: readonly AxisEntry[]): Table {
  const label = (at: number | null) => (at === null ? null : (places[at]?.label ?? null));
  return {
    kind: 'table',
    id: 'marks',
    title: 'Where the labels become known',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'jump', title: 'Jump', type: 'text' },
      { name: 'converged', title: 'Converged', type: 'text' },
      { name: 'best', title: 'Best accuracy', type: 'share' },
      { name: 'chance', title: 'Largest class', type: 'share' },
      { name: 'learnt', title: 'Samples learnt from', type: 'integer' },
      { name: 'held_out', title: 'Samples held out', type: 'integer' },
    ],
    rows: runs.map(({ model, samples, value }) => [
      model,
      samples.name,
      label(value.jump),
      label(value.converged),
      bestOf(value),
      value.chance,
      value.learnt,
      value.heldOut,
    ]),
  };
}

function bestOf({ accuracy }: Depth): number | null {
  const defined = accuracy.filter((value) => value !== null);
  return defined.length > 0 ? Math.max(...defined) : null;
}

function advice(runs: readonly Run[], places: readonly AxisEntry[]) {
  const lines = runs.map((run) => {
    const { name, value } = run;
    const best = bestOf(value) ?? 0;
    if (best <= value.chance)
      return `${name}: no layer knows more than the share of the largest class (${percent(value.chance)}).`;
    const at = value.converged ?? 0;
    const before = baseOf(run, runs);
    const against = before ? ` The base gets ${percent(bestOf(before.value) ?? 0)}.` : '';
    return `${name}: known in ${places[at]?.label ?? ''} (best ${percent(best)}, largest class ${percent(value.chance)}): later layers add nothing to these labels.${against}`;
  });
  const fewest = Math.min(...runs.map(({ value }) => value.heldOut));
  return recommendation(
    'Where to read the labels off',
    lines,
    `what a linear probe cannot read may still be there, and what it can read need not be used. Over ${wholeText(fewest)} held-out samples an accuracy is known to about ± ${shortNumber(100 * Math.sqrt(0.25 / Math.max(1, fewest)))} points.`,
  );
}
