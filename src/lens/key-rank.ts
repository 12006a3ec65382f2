import { attentionSites, type AttentionSite } from '../graph/attention-sites';
import { readActivations } from '../graph/network';
import { projections } from '../graph/projections';
import type { StudyNetwork } from '../graph/study-network';
import { placeOf } from '../model/naming';
import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { success, type Result } from '../protocol/result';
import { noAttention } from './attention-patterns';
import type { Scatter } from './activations/key-spectra';
import { rankAt, varianceWithin, type KeySpectrum } from './activations/key-spectra';
import { captionsOf, layerCurves } from './activations/layer-curves';
import { baseOf, measureRuns, pairedRuns, type Measured, type ModelRun } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { percent, shortNumber } from './wording';
import { addKeys, addPlainKeys, spectraOf } from './activations/key-heads';

const description: LensDescription = {
  id: 'key-rank',
  version: 1,
  title: 'How many dimensions do attention keys need?',
  summary:
    'Runs the network on samples and finds by principal components how few dimensions hold the keys of every head, before and after positions are turned in.',
  formula:
    'rank@q = least r with Σᵢ≤ᵣ λᵢ ≥ q Σ λ, λ = eigenvalues of the covariance of the keys of a head over samples and tokens;  transfer = tr(UᵣᵀC Uᵣ)/tr(C), Uᵣ of the base at its rank@q, C of the fine-tune',
  reading:
    'Heads whose rank is far below their size can rank tokens by scores in the first components: a sparse attention that reads a part of the keys (Loki), or a smaller cache. Rotary positions turn pairs of dimensions and raise the rank: "before positions" is the lower one, and the better basis. A transfer near 1 means that the components of the base serve the fine-tune, so they can be stored once. Ranks are of these samples; the paper finds them much alike over data sets. Keys of heads that share them (grouped queries) count once.',
  source: [
    {
      title: 'Loki: Low-rank Keys for Efficient Sparse Attention (Singhania et al. 2024)',
      link: 'https://arxiv.org/abs/2406.02542',
    },
  ],
  needs: {
    data: ['activations'],
    base: 'required',
    tasks: { minimum: 0 },
    parts: ['attention'],
    factored: true,
  },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'share',
      title: 'Share of variance',
      help: 'So much of the variance of the keys must be held.',
      type: 'number',
      default: 0.9,
      minimum: 0.01,
      maximum: 1,
    },
  ],
};

/** Keys as they meet the queries, and as their matrix gives them. */
type Stage = 'after' | 'before';
const STAGES: readonly (readonly [Stage, string])[] = [
  ['after', 'with positions'],
  ['before', 'before positions'],
];

/** Of every site and stage, head by head; `null`: the keys of that head do not vary. */
type Keys = Readonly<Record<Stage, readonly (readonly (KeySpectrum | null)[])[]>>;
type Run = Measured<Keys>;

/** Principal components of attention keys, head by head, of base and fine-tunes on the same samples. */
export const keyRank: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const sites = attentionSites(opened.value.network.map).filter(({ keys }) => keys !== null);
    if (sites.length === 0) return noAttention();
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const share = Number(parameters['share'] ?? 0.9);
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      keysOf(opened.value, run, sites, context, progress),
    );
    if (!measured.ok) return measured;
    const entries = sites.map(({ layer, label }) => ({ label, layer }));
    const stages = STAGES.filter(([stage]) => stage === 'after' || differs(measured.value));
    return success({
      artifacts: [
        advice(measured.value, entries, share),
        ...measured.value.flatMap((run) => stages.map((stage) => heatmap(run, entries, stage, share))),
        ...stages.map(([stage, title]) =>
          layerCurves(
            { id: `mean_rank:${stage}`, title: `Mean rank of keys, ${title},`, unit: 'dimensions' },
            entries,
            measured.value,
            (value, at) => numberMean((value[stage][at] ?? []).map((each) => each && rankAt(each, share))),
            { caption: captionsOf(measured.value), facets: { keys: title } },
          ),
        ),
        table(measured.value, entries, stages, share),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

async function keysOf(
  study: StudyNetwork,
  { task, samples }: ModelRun,
  sites: readonly AttentionSite[],
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<Keys>> {
  const weights = await study.weightsOf(task, signal);
  if (!weights.ok) return weights;
  const given = projections(study.network.map).filter(
    ({ tensor }) => placeOf(tensor).module === 'attention.key',
  );
  const before = sites.map(({ layer }) => {
    const own = given.filter(({ tensor }) => placeOf(tensor).row === layer);
    return own.length === 1 ? (own[0]?.output ?? null) : null;
  });
  const after = sites.map(() => new Map<number, Scatter>());
  const plain = sites.map(() => new Map<number, Scatter>());
  let odd = false;
  const values = [...sites.map(({ keys }) => keys), ...before].filter((name) => name !== null);
  const read = await readActivations(
    study.network,
    { values, weights: weights.value, samples, count: samples.count, signal, progress },
    (batch, _, count) => {
      sites.forEach(({ keys }, at) => {
        const value = batch.get(keys ?? '');
        const size = value ? addKeys(after[at], value, count) : null;
        odd ||= size === null;
        const own = batch.get(before[at] ?? '');
        if (own && size !== null) addPlainKeys(plain[at], own, size);
      });
      return !odd;
    },
  );
  if (!read.ok) return read;
  if (odd) return noAttention();
  return success({ after: after.map(spectraOf), before: plain.map(spectraOf) });
}

/** Whether positions are turned into the keys: else both stages have the same variances. */
function differs(runs: readonly Run[]): boolean {
  return runs.some(({ value }) =>
    value.before.some((heads, site) =>
      heads.some((each, head) => {
        const other = value.after[site]?.[head];
        if (!each || !other) return false;
        const [x = 0, y = 0] = [each.eigen.values[0], other.eigen.values[0]];
        return Math.abs(x - y) > 1e-4 * x;
      }),
    ),
  );
}

function heatmap(
  { name, caption, value }: Run,
  entries: readonly AxisEntry[],
  [stage, title]: readonly [Stage, string],
  share: number,
): Matrix {
  const sites = value[stage];
  const most = Math.max(0, ...sites.map((heads) => heads.length));
  const size = sites.flat().find((each) => each !== null)?.covariance.rows ?? 1;
  const values = sites.flatMap((heads) =>
    Array.from({ length: most }, (_, head) => {
      const own = heads[head];
      return own ? rankAt(own, share) : null;
    }),
  );
  return {
    kind: 'matrix',
    id: `rank:${stage}:${name}`,
    title: `Dimensions of keys ${title}, ${name}`,
    facets: { keys: title, task: name },
    caption: `${caption} Of ${shortNumber(size)} dimensions a head.`,
    rows: entries,
    columns: Array.from({ length: most }, (_, head) => ({ label: String(head), head })),
    rowTitle: 'layer',
    columnTitle: 'key head',
    values: packNumbers(values),
    unit: `rank@${shortNumber(100 * share)}`,
    scale: 'sequential',
    domain: [0, size],
  };
}

function table(
  runs: readonly Run[],
  entries: readonly AxisEntry[],
  stages: typeof STAGES,
  share: number,
): Table {
  return {
    kind: 'table',
    id: 'heads',
    title: 'Keys of every head',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'keys', title: 'Keys', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'head', title: 'Key head', type: 'integer' },
      { name: 'size', title: 'Size', type: 'integer' },
      { name: 'rank', title: 'Rank', type: 'integer' },
      { name: 'rank99', title: 'Rank at 99 %', type: 'integer' },
      { name: 'transfer', title: 'Held by the components of the base', type: 'share' },
      { name: 'eigenvalues', title: 'Variances', type: 'text', hidden: true },
    ],
    rows: runs.flatMap((run) =>
      stages.flatMap(([stage, title]) =>
        run.value[stage].flatMap((heads, site) =>
          heads.map((own, head) => {
            const other = baseOf(run, runs)?.value[stage][site]?.[head];
            return [
              run.model,
              run.samples.name,
              title,
              entries[site]?.layer ?? '',
              head,
              own?.covariance.rows ?? null,
              own && rankAt(own, share),
              own && rankAt(own, 0.99),
              own && other ? varianceWithin(own, other, rankAt(other, share)) : null,
              own ? [...own.eigen.values] : null,
            ];
          }),
        ),
      ),
    ),
  };
}

function advice(runs: readonly Run[], entries: readonly AxisEntry[], share: number) {
  const lines = runs.flatMap((run) => {
    const all = run.value.after.flatMap((heads, site) =>
      heads.flatMap((own, head) => (own ? [{ site, head, own, rank: rankAt(own, share) }] : [])),
    );
    const least = all.toSorted((x, y) => x.rank - y.rank)[0];
    if (!least) return [];
    const mean = numberMean(all.map(({ rank }) => rank)) ?? 0;
    const size = least.own.covariance.rows;
    const base = baseOf(run, runs);
    const held = numberMean(
      all.map(({ own, site, head }) => {
        const other = base?.value.after[site]?.[head];
        return other ? varianceWithin(own, other, rankAt(other, share)) : null;
      }),
    );
    return [
      `${run.name}: ${shortNumber(mean)} of ${shortNumber(size)} dimensions hold ${percent(share)} of the keys on average; fewest in ${entries[least.site]?.label ?? ''} head ${String(least.head)} (${shortNumber(least.rank)}).${held === null ? '' : ` The components of the base hold ${percent(held)} of its keys.`}`,
    ];
  });
  return recommendation(
    'How far keys can be shortened',
    lines,
    'variance held is not accuracy kept: what a head looks at may hang on small components. Shorten, measure on the task, and go on.',
  );
}
