import type { StudyNetwork } from '../graph/study-network';
import type { AxisEntry, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { cancelled, failure, success, type Result } from '../protocol/result';
import { captionsOf, layerCurves } from './activations/layer-curves';
import { streamPlaces, type StreamPlace } from './activations/layer-features';
import { LocalJacobians, type LocalJacobian } from './activations/local-jacobian';
import { baseOf, measureRuns, pairedRuns, type Measured, type ModelRun } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { numericalRank } from './activations/numerical-rank';
import { POOL_PARAMETER, SAMPLE_PARAMETERS } from './activations/sample-parameters';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { pause } from './pause';
import { recommendation } from './recommendation';
import { percent, shortNumber } from './wording';

const description: LensDescription = {
  id: 'local-rank',
  version: 1,
  title: 'How many directions of the input does each layer still see?',
  summary:
    'Runs the network backwards at single samples and counts the directions in which a small change of the input still changes what a layer gives.',
  formula:
    'LR(layer) = mean over samples of |{i : σᵢ(J) > ε σ₁(J)}|,  J = ∂(features of the layer)/∂(input) at the sample',
  reading:
    'The local rank is the dimension of what the layer makes of the neighbourhood of a sample. It falls from layer to layer where the network compresses, and late in training. A fine-tune with a lower rank than the base in some layer has learned to ignore directions there: adapters of that rank or less are enough for it; a layer far below its width wastes it. The effective rank weighs all directions and needs no ε. The features are those that leave a layer, pooled over tokens: with "mean", what only moves between tokens is not seen. Where the rank reaches the number of probes it is a lower bound; the table says so.',
  source: [
    {
      title:
        'Learning to Compress: Local Rank and Information Compression in Deep Neural Networks (Patel, Shwartz-Ziv 2024)',
      link: 'https://arxiv.org/abs/2410.07687',
    },
    {
      title: 'The effective rank: A measure of effective dimensionality (Roy, Vetterli 2007)',
      link: 'https://ieeexplore.ieee.org/document/7098875',
    },
  ],
  needs: { data: ['activations', 'gradients'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS.map((each) =>
      each.name === 'samples' && each.type === 'number' ? { ...each, default: 6, maximum: 10_000 } : each,
    ),
    ...(POOL_PARAMETER.type === 'choice'
      ? [{ ...POOL_PARAMETER, choices: POOL_PARAMETER.choices.filter(({ value }) => value !== 'tokens') }]
      : []),
    {
      name: 'epsilon',
      title: 'Threshold',
      help: 'Directions weaker than this share of the strongest do not count.',
      type: 'number',
      default: 0.01,
      minimum: 1e-4,
      maximum: 1,
    },
    {
      name: 'probes',
      title: 'Probes',
      help: 'At most so many features of a layer; random mixtures of them where it has more. Bounds the rank that can be found.',
      type: 'number',
      default: 64,
      minimum: 1,
      maximum: 4096,
      integer: true,
    },
  ],
};

interface PlaceRank {
  readonly rank: number | null;
  readonly effective: number | null;
  readonly standardError: number | null;
  /** The rank of some sample was all that the probes can show. */
  readonly bounded: boolean;
  readonly features: number;
}

interface RankOptions {
  readonly pool: 'cls' | 'mean';
  readonly epsilon: number;
  readonly probes: number;
}

type Run = Measured<readonly PlaceRank[]>;

/** Mean numerical rank of the Jacobian of every layer's features by the input, at single samples. */
export const localRank: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const source = sourceOf(opened.value);
    if (!source.ok) return source;
    const options: RankOptions = {
      pool: parameters['pool'] === 'cls' ? 'cls' : 'mean',
      epsilon: Number(parameters['epsilon'] ?? 0.01),
      probes: Number(parameters['probes'] ?? 64),
    };
    const places = streamPlaces(opened.value).filter(
      ({ entry, value }) => entry.layer !== undefined && value !== source.value,
    );
    const values = places.map(({ value }) => value);
    const jacobians = new LocalJacobians(opened.value, { ...options, values, source: source.value });
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      ranksOf(opened.value, run, places, { jacobians, epsilon: options.epsilon }, context, progress),
    );
    await jacobians.release();
    if (!measured.ok) return measured;
    const entries = places.map(({ entry }) => entry);
    const caption = `${captionsOf(measured.value)} By the input "${source.value}" of the graph.`;
    return success({
      artifacts: [
        advice(measured.value, entries),
        layerCurves(RANK, entries, measured.value, (value, at) => value[at]?.rank ?? null, {
          caption,
          facets: { metric: 'local rank' },
        }),
        layerCurves(EFFECTIVE, entries, measured.value, (value, at) => value[at]?.effective ?? null, {
          caption,
          facets: { metric: 'effective rank' },
        }),
        table(measured.value, entries),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

const RANK = { id: 'rank', title: 'Local rank', unit: 'directions' };
const EFFECTIVE = { id: 'effective_rank', title: 'Effective rank of the Jacobian', unit: 'directions' };

/** The first input with real numbers, else what enters the first layer (embeddings). */
function sourceOf({ network }: StudyNetwork): Result<string> {
  const { graph } = network.map;
  const real = graph.inputs.find(({ type }) => type === 'float32' || type === 'float64');
  const name = real?.name ?? network.layers[0]?.input ?? null;
  if (name !== null) return success(name);
  return failure({
    code: 'graph-layers',
    message: 'The graph has neither an input of real numbers nor a value that enters its first layer.',
    action: 'Use a graph with embeddings before its first layer.',
  });
}

interface Ranking {
  readonly jacobians: LocalJacobians;
  readonly epsilon: number;
}

async function ranksOf(
  study: StudyNetwork,
  { task, samples }: ModelRun,
  places: readonly StreamPlace[],
  ranking: Ranking,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<readonly PlaceRank[]>> {
  const weights = await study.weightsOf(task, signal);
  if (!weights.ok) return weights;
  const found: PlaceRank[] = [];
  for (const [at, { value }] of places.entries()) {
    const sums = new RankSums();
    for (let index = 0; index < samples.count; index++) {
      const jacobian = await ranking.jacobians.at(value, { weights: weights.value, samples, index });
      if (!jacobian.ok) return jacobian;
      sums.add(jacobian.value, ranking.epsilon);
      progress((at + (index + 1) / samples.count) / places.length);
      await pause();
      if (signal.aborted) return cancelled();
    }
    found.push(sums.place());
  }
  return success(found);
}

/** Ranks of one layer, sample by sample. */
class RankSums {
  private readonly ranks: number[] = [];
  private readonly effective: number[] = [];
  private bounded = false;
  private features = 0;

  add({ matrix, whole, features }: LocalJacobian, epsilon: number): void {
    this.features = features;
    const rank = numericalRank(matrix, epsilon);
    if (rank === null) return;
    this.ranks.push(rank.rank);
    this.effective.push(rank.effective);
    this.bounded ||= !whole && rank.rank === matrix.rows;
  }

  place(): PlaceRank {
    const { ranks, effective, bounded, features } = this;
    const rank = numberMean(ranks);
    const standardError = standardErrorOf(ranks, rank);
    return { rank, effective: numberMean(effective), standardError, bounded, features };
  }
}

function standardErrorOf(values: readonly number[], mean: number | null): number | null {
  if (mean === null || values.length < 2) return null;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

function table(runs: readonly Run[], places: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Ranks of every layer',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'rank', title: 'Local rank', type: 'number' },
      { name: 'standard_error', title: 'Standard error', type: 'number' },
      { name: 'effective_rank', title: 'Effective rank', type: 'number' },
      { name: 'features', title: 'Features', type: 'integer' },
      { name: 'lower_bound', title: 'A lower bound', type: 'boolean' },
    ],
    rows: runs.flatMap(({ model, samples, value }) =>
      places.map(({ label, layer }, at) => {
        const own = value[at];
        return [
          model,
          samples.name,
          layer ?? label,
          own?.rank ?? null,
          own?.standardError ?? null,
          own?.effective ?? null,
          own?.features ?? null,
          own?.bounded ?? null,
        ];
      }),
    ),
  };
}

/** A rank that a fine-tune lowers by less is not worth a sentence. */
const FALLEN = 0.05;

function advice(runs: readonly Run[], places: readonly AxisEntry[]) {
  const lines = runs.flatMap((run) => {
    const ranked = run.value.flatMap(({ rank, features }, at) =>
      rank === null || features === 0 ? [] : [{ rank, features, label: places[at]?.label ?? '' }],
    );
    const least = ranked.toSorted((x, y) => x.rank / x.features - y.rank / y.features)[0];
    if (!least) return [];
    const base = baseOf(run, runs);
    const change = base ? changeText(run, base, places) : '';
    return [
      `${run.name}: least in ${least.label}, ${shortNumber(least.rank)} of ${shortNumber(least.features)} directions (${percent(least.rank / least.features)}).${change}`,
    ];
  });
  return recommendation(
    'Where directions are lost',
    lines,
    'ranks are of the neighbourhood of these samples, with this threshold; what matters is how they differ between layers and between models, not their size.',
  );
}

function changeText(run: Run, base: Run, places: readonly AxisEntry[]): string {
  let most = { label: '', by: 0 };
  run.value.forEach(({ rank }, at) => {
    const before = base.value[at]?.rank ?? null;
    if (rank === null || before === null || before === 0) return;
    const by = rank / before - 1;
    if (Math.abs(by) > Math.abs(most.by)) most = { label: places[at]?.label ?? '', by };
  });
  if (Math.abs(most.by) < FALLEN) return ' As the base within a twentieth.';
  const way = most.by < 0 ? 'fewer' : 'more';
  return ` Against the base ${percent(Math.abs(most.by))} ${way} in ${most.label}.`;
}
