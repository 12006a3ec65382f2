import type { AxisEntry, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { cancelled, failure, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import { captionsOf } from './activations/layer-curves';
import { layerFeatures, streamPlaces } from './activations/layer-features';
import { baseOf, measureRuns, pairedRuns, type Measured } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { POOL_PARAMETER, poolOf, SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { featureCorrelations, zipMatching, type ZipMatching } from './activations/zip-matching';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { pause } from './pause';
import { recommendation } from './recommendation';
import { percent, shortNumber, wholeText } from './wording';

const description: LensDescription = {
  id: 'feature-matching',
  version: 1,
  title: 'Down to which layer do two models have the same features?',
  summary:
    'Runs base and fine-tune on the same samples, correlates their features, and joins those that are most alike as ZipIt! does: where matches grow weak, merging should stop.',
  formula:
    'C = correlations of [base | fine-tune] features (2d × 2d);  greedily join the most correlated two until d are left: a joined feature has the lesser similarity of its parts × α; ⌊β·d/2⌋ matches within a model;  mean correlation of the matches;  diagonal: mean Cₖ,ₖ₊d',
  reading:
    'While matched correlations stay high the two models can be zipped; from the layer where they drop on keep two heads. Matches within one model mean redundant features; many of them, and few across, that the models compute different things. The diagonal is what plain weight averaging relies on: feature k of both models being the same. Where it is near the matched correlation, average; where it is far below, features have changed places, and averaging mixes unrelated ones. Fine-tunes of one base seldom permute; separately trained models do. With fewer samples than features correlations are high by chance.',
  source: [
    {
      title: 'ZipIt! Merging Models from Different Tasks without Training (Stoica et al. 2024)',
      link: 'https://arxiv.org/abs/2305.03053',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    { ...POOL_PARAMETER, help: `${POOL_PARAMETER.help} Tokens give the most rows for correlations.` },
    {
      name: 'alpha',
      title: 'α',
      help: 'Similarities of a joined feature are multiplied with it: small values join pairs rather than many.',
      type: 'number',
      default: 0.3,
      minimum: 0.001,
      maximum: 1,
    },
    {
      name: 'beta',
      title: 'β',
      help: 'Share of the matches that may be within one model.',
      type: 'number',
      default: 0.125,
      minimum: 0,
      maximum: 1,
    },
  ],
};

/** Wider layers take too long: a matching looks at all pairs again and again. */
const MOST_FEATURES = 512;

/** Features of a fine-tune against those of the base in one place. */
interface PlaceMatching extends ZipMatching {
  readonly features: number;
  readonly rows: number;
  readonly matchedMean: number | null;
  readonly diagonal: number | null;
}

type Run = Measured<readonly Dense[]>;

/** One fine-tune with its matchings by place; `null`: too wide. */
interface TaskMatching {
  readonly task: string;
  readonly places: readonly (PlaceMatching | null)[];
}

/** Features of every fine-tune matched with those of the base on the same samples. */
export const featureMatching: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const budget = context.memoryBudget / 2 / runs.value.length;
    const measured = await measureRuns(runs.value, context, ({ task, samples }, progress) =>
      layerFeatures(
        opened.value,
        { model: task, samples, pool: poolOf(parameters), budget, progress },
        context,
      ),
    );
    if (!measured.ok) return measured;
    const options = { alpha: Number(parameters['alpha'] ?? 0.3), beta: Number(parameters['beta'] ?? 0.125) };
    const places = streamPlaces(opened.value).map(({ entry }) => entry);
    const matchings = await matchAll(measured.value, options, context.signal);
    if (!matchings.ok) return matchings;
    const caption = captionsOf(measured.value);
    return success({
      artifacts: [
        advice(matchings.value, places),
        curves(matchings.value, places, caption),
        ...matchings.value.map((each) => shares(each, places, caption)),
        table(matchings.value, places),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

async function matchAll(
  runs: readonly Run[],
  options: { readonly alpha: number; readonly beta: number },
  signal: AbortSignal,
): Promise<Result<readonly TaskMatching[]>> {
  const found: TaskMatching[] = [];
  for (const run of runs) {
    const base = baseOf(run, runs);
    if (!base) continue;
    const places: (PlaceMatching | null)[] = [];
    for (const [at, own] of run.value.entries()) {
      const other = base.value[at];
      places.push(other && own.columns <= MOST_FEATURES ? matchPlace(other, own, options) : null);
      await pause();
      if (signal.aborted) return cancelled();
    }
    found.push({ task: run.name, places });
  }
  if (found.some(({ places }) => places.some((each) => each !== null))) return success(found);
  return failure({
    code: 'activations-too-large',
    message: `Every layer has more than ${wholeText(MOST_FEATURES)} features, and matching looks at all pairs of them again and again.`,
    action: 'Use the lens cka, which compares layers of any width.',
  });
}

function matchPlace(
  base: Dense,
  own: Dense,
  options: { readonly alpha: number; readonly beta: number },
): PlaceMatching {
  const correlations = featureCorrelations(base, own);
  const matching = zipMatching(correlations, options);
  const d = base.columns;
  const direct = matching.matched.filter((value) => value > 0);
  const diagonal = Array.from({ length: d }, (_, k) => correlations.values[k * 2 * d + d + k] ?? 0);
  return {
    ...matching,
    features: d,
    rows: base.rows,
    matchedMean: numberMean(
      direct.length > 0 ? matching.groups.map((group) => meanCorrelation(group, correlations)) : [],
    ),
    diagonal: numberMean(diagonal),
  };
}

/** Mean correlation between the members of a group; `null` for one alone. */
function meanCorrelation(group: readonly number[], { rows: n, values }: Dense): number | null {
  return numberMean(group.flatMap((a, i) => group.slice(i + 1).map((b) => values[a * n + b] ?? 0)));
}

function curves(tasks: readonly TaskMatching[], places: readonly AxisEntry[], caption: string) {
  return {
    kind: 'series' as const,
    id: 'matched',
    title: 'Correlation of matched features along the layers',
    caption,
    x: { title: 'layer', values: places.map(({ label }) => label) },
    lines: tasks.flatMap(({ task, places: own }) => [
      { name: `${task}, matched`, task, values: packNumbers(own.map((each) => each?.matchedMean ?? null)) },
      { name: `${task}, same index`, task, values: packNumbers(own.map((each) => each?.diagonal ?? null)) },
    ]),
    unit: 'correlation',
    places,
  };
}

function shares({ task, places: own }: TaskMatching, places: readonly AxisEntry[], caption: string) {
  const share = (key: 'both' | 'first' | 'second') =>
    packNumbers(own.map((each) => (each ? each[key] / Math.max(1, each.groups.length) : null)));
  return {
    kind: 'series' as const,
    id: `groups:${task}`,
    title: `What was joined, ${task}`,
    facets: { task },
    caption,
    x: { title: 'layer', values: places.map(({ label }) => label) },
    style: 'stacked' as const,
    lines: [
      { name: 'base with fine-tune', values: share('both') },
      { name: 'within the base', values: share('first') },
      { name: 'within the fine-tune', values: share('second') },
    ],
    unit: 'share of features',
    places,
  };
}

function table(tasks: readonly TaskMatching[], places: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Matches of every layer',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'features', title: 'Features', type: 'integer' },
      { name: 'rows', title: 'Rows', type: 'integer' },
      { name: 'matched', title: 'Matched correlation', type: 'number' },
      { name: 'same_index', title: 'Same index', type: 'number' },
      { name: 'both', title: 'Of both', type: 'integer' },
      { name: 'base_only', title: 'Of the base', type: 'integer' },
      { name: 'task_only', title: 'Of the fine-tune', type: 'integer' },
    ],
    rows: tasks.flatMap(({ task, places: own }) =>
      places.map(({ layer, label }, at) => {
        const each = own[at];
        return [
          task,
          layer ?? label,
          each?.features ?? null,
          each?.rows ?? null,
          each?.matchedMean ?? null,
          each?.diagonal ?? null,
          each?.both ?? null,
          each?.first ?? null,
          each?.second ?? null,
        ];
      }),
    ),
  };
}

/** Below so much of the best correlation zipping should stop. */
const DROP = 0.75;

function advice(tasks: readonly TaskMatching[], places: readonly AxisEntry[]) {
  const lines = tasks.map(({ task, places: own }) => {
    const values = own.map((each) => each?.matchedMean ?? null);
    const best = Math.max(0, ...values.map((value) => value ?? 0));
    const stop = values.findIndex((value) => value !== null && value < DROP * best);
    const moved = own.findIndex(
      (each) => each !== null && (each.diagonal ?? 0) < DROP * (each.matchedMean ?? 0),
    );
    const where =
      stop > 0
        ? `zip up to ${places[stop - 1]?.label ?? ''}; in ${places[stop]?.label ?? ''} matches fall to ${shortNumber(values[stop] ?? 0)}`
        : `matches stay above ${percent(DROP)} of the best (${shortNumber(best)}) in all layers`;
    const order =
      moved < 0
        ? 'features keep their index: averaging weights is safe as far as this sees'
        : `from ${places[moved]?.label ?? ''} on features of one index differ: match before averaging`;
    return `${task}: ${where}; ${order}.`;
  });
  const thin = tasks.some(({ places: own }) =>
    own.some((each) => each !== null && each.rows < 2 * each.features),
  );
  return recommendation(
    'Where to stop zipping',
    lines,
    `correlations are of these samples${thin ? ', and there are fewer than two rows a feature: take more samples or every token' : ''}; measure the merged model.`,
  );
}
