import type { StudyNetwork } from '../graph/study-network';
import type { Architecture } from '../model/architecture';
import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { failure, success } from '../protocol/result';
import { comparedModel, dataSetRuns } from './activations/data-set-runs';
import { captionsOf } from './activations/layer-curves';
import { measureRuns, type Measured } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import {
  cacheHitRate,
  mutualInformation,
  routerSites,
  routingOf,
  segmentPerformance,
  type Routing,
} from './activations/routing';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { coveringUnits, intersectionOverUnion } from './activations/unit-sets';
import { fromZero } from './domain';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { namesText, percent, shortNumber } from './wording';

const description: LensDescription = {
  id: 'router-usage',
  version: 1,
  title: 'Which experts does each data set use?',
  summary:
    'Runs a mixture of experts on every data set and counts which experts its routers choose: specialists, idle experts, and what a cache of experts would hold.',
  formula:
    'TCESS = mean over tokens of logit · 1(expert in top k);  I(task; expert) = Σ P ln(P/(PₜPₑ));  SCH(n) = Σ of the n largest counts of each segment / all selections;  SRP = max over θ of F1 of “experts used by ≥ θ tokens of the segment”',
  reading:
    'An expert that one data set uses and others do not is a specialist; the mutual information (at most ln of the number of data sets) says how far the layer separates them. The keep-set holds the experts with the wanted share of the weight: what is outside can be pruned for this data set; where keep-sets of two data sets differ, prune for each. A hit rate near 1 at twice the experts of a token: experts can be offloaded with a small cache. Experts that hardly any token chooses are idle: prune them or balance the router. Counts are of these samples; an expert idle here may serve other texts.',
  source: [
    {
      title: 'PreMoe: Lightening MoEs on Constrained Memory by Expert Pruning and Retrieval (2025)',
      link: 'https://arxiv.org/abs/2505.17639',
    },
    {
      title:
        'Not All Models Suit Expert Offloading: On Local Routing Consistency of Mixture-of-Expert Models (2025)',
      link: 'https://arxiv.org/abs/2505.16056',
    },
    {
      title: 'Mod-Squad: Designing Mixture of Experts As Modular Multi-Task Learners (Chen et al. 2022)',
      link: 'https://arxiv.org/abs/2212.08066',
    },
  ],
  needs: {
    data: ['activations'],
    base: 'required',
    tasks: { minimum: 0 },
    parts: ['experts'],
    factored: true,
  },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'model',
      title: 'Model',
      help: 'The model that runs on all data sets: base, or the name of a task.',
      type: 'text',
      default: 'base',
    },
    {
      name: 'top_k',
      title: 'Experts of a token',
      help: 'How many experts the router chooses; 0 takes it from the config.json beside the weights.',
      type: 'number',
      default: 0,
      minimum: 0,
      integer: true,
    },
    {
      name: 'segment',
      title: 'Segment',
      help: 'Consecutive tokens for which a cache of experts is filled once.',
      type: 'number',
      default: 16,
      minimum: 1,
      maximum: 4096,
      integer: true,
    },
    {
      name: 'keep',
      title: 'Share kept',
      help: 'The keep-set of a data set holds so much of the weight of each layer.',
      type: 'number',
      default: 0.9,
      minimum: 0.01,
      maximum: 1,
    },
  ],
};

type Run = Measured<readonly Routing[]>;

/** Choices of the routers of one model on every data set. */
export const routerUsage: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const sites = routerSites(opened.value);
    const top = topOf(study.architecture, Number(parameters['top_k'] ?? 0));
    if (sites.length === 0 || top === null) return noRouter(opened.value, sites.length > 0);
    const model = comparedModel(String(parameters['model'] ?? 'base'), study.tasks);
    if (!model.ok) return model;
    const runs = await dataSetRuns(opened.value, model.value, 1);
    if (!runs.ok) return runs;
    const options = { top, segment: Number(parameters['segment'] ?? 16) };
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      routingOf(opened.value, run, sites, options, context, progress),
    );
    if (!measured.ok) return measured;
    const entries = sites.map(({ layer, label }) => ({ label, layer }));
    const keep = Number(parameters['keep'] ?? 0.9);
    const caption = `${model.value?.name ?? 'base'}, ${shortNumber(top)} experts a token. ${captionsOf(measured.value)}`;
    return success({
      artifacts: [
        advice(measured.value, entries, keep, top),
        ...measured.value.map((run) => heatmap(run, entries, caption)),
        cacheCurves(measured.value, top, caption),
        layerTable(measured.value, entries, options.segment, top),
        expertTable(measured.value, entries, keep),
        overlapTable(measured.value, entries, keep),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

function topOf(architecture: Architecture | null, given: number): number | null {
  return given > 0 ? given : (architecture?.expertsPerToken ?? null);
}

function noRouter({ network }: StudyNetwork, hasSites: boolean) {
  const { path } = network.map.graph;
  return failure({
    code: 'graph-layers',
    message: hasSites
      ? `${path} has routers, but how many experts they choose for a token is not known.`
      : `${path} has no product with a tensor that is known as a router.`,
    action: hasSites
      ? 'Set the parameter "top_k", or put the config.json of the model beside its weights.'
      : 'Use the graph of a mixture of experts.',
    path,
  });
}

function heatmap({ name, value }: Run, entries: readonly AxisEntry[], caption: string): Matrix {
  const experts = Math.max(0, ...value.map(({ selected }) => selected.length));
  const values = value.flatMap(({ selected }) =>
    Array.from({ length: experts }, (_, e) => selected[e] ?? null),
  );
  return {
    kind: 'matrix',
    id: `selected:${name}`,
    title: `How often experts are chosen, ${name}`,
    facets: { data: name },
    caption,
    rows: entries,
    columns: Array.from({ length: experts }, (_, e) => ({ label: String(e) })),
    rowTitle: 'layer',
    columnTitle: 'expert',
    values: packNumbers(values),
    unit: 'share of tokens',
    scale: 'sequential',
    domain: fromZero(values),
  };
}

/** Hit rate of caches of all sizes, on average over the layers. */
function cacheCurves(runs: readonly Run[], top: number, caption: string) {
  const experts = Math.max(0, ...runs.flatMap(({ value }) => value.map(({ selected }) => selected.length)));
  const sizes = Array.from({ length: Math.max(0, experts - top + 1) }, (_, at) => top + at);
  return {
    kind: 'series' as const,
    id: 'cache',
    title: 'Hit rate of a cache of experts',
    caption: `${caption} Filled anew for every segment, mean over the layers; ${shortNumber(2 * top)} experts are twice those of a token.`,
    x: { title: 'experts in the cache of a layer', values: sizes },
    lines: runs.map(({ name, value }) => ({
      name,
      values: packNumbers(
        sizes.map((size) => numberMean(value.map(({ segments }) => cacheHitRate(segments, size)))),
      ),
    })),
    unit: 'share of selections',
  };
}

function layerTable(
  runs: readonly Run[],
  entries: readonly AxisEntry[],
  segment: number,
  top: number,
): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Routers',
    columns: [
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'information', title: 'I(data set; expert), nats', type: 'number' },
      { name: 'load_entropy', title: 'Evenness of the load', type: 'number' },
      { name: 'srp', title: 'SRP', type: 'number' },
      { name: 'sch', title: 'Hit rate at twice the experts', type: 'share' },
      { name: 'tokens', title: 'Tokens', type: 'integer' },
    ],
    rows: entries.flatMap(({ layer, label }, at) => {
      const information = runs.length > 1 ? mutualInformation(weightsOf(runs, at)) : null;
      return runs.map(({ name, value }) => {
        const own = value[at];
        return [
          name,
          layer ?? label,
          information,
          own ? evenness(own.selected) : null,
          own ? segmentPerformance(own.segments, segment) : null,
          own ? cacheHitRate(own.segments, 2 * top) : null,
          own?.tokens ?? null,
        ];
      });
    }),
  };
}

function weightsOf(runs: readonly Run[], at: number): readonly Float64Array[] {
  return runs.map(({ value }) => value[at]?.weight ?? new Float64Array());
}

/** Entropy of the load over ln of the number of experts: 1 where all are chosen as often. */
function evenness(selected: Float64Array): number | null {
  const total = selected.reduce((sum, value) => sum + value, 0);
  if (!(total > 0) || selected.length < 2) return null;
  const entropy = selected.reduce((sum, value) => {
    const p = value / total;
    return p > 0 ? sum - p * Math.log(p) : sum;
  }, 0);
  return entropy / Math.log(selected.length);
}

function expertTable(runs: readonly Run[], entries: readonly AxisEntry[], keep: number): Table {
  return {
    kind: 'table',
    id: 'experts',
    title: 'Every expert',
    columns: [
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'expert', title: 'Expert', type: 'integer' },
      { name: 'selected_share', title: 'Chosen', type: 'share' },
      { name: 'top1_share', title: 'First', type: 'share' },
      { name: 'mean_weight', title: 'Weight', type: 'number' },
      { name: 'mean_router_probability', title: 'Probability', type: 'number' },
      { name: 'tcess', title: 'TCESS', type: 'number' },
      { name: 'kept', title: 'In the keep-set', type: 'boolean' },
    ],
    rows: runs.flatMap(({ name, value }) =>
      value.flatMap((own, at) => {
        const kept = new Set(coveringUnits(own.weight, keep));
        return Array.from(own.selected, (share, expert) => [
          name,
          entries[at]?.layer ?? '',
          expert,
          share,
          own.first[expert] ?? null,
          own.weight[expert] ?? null,
          own.probability[expert] ?? null,
          own.score[expert] ?? null,
          kept.has(expert),
        ]);
      }),
    ),
  };
}

function overlapTable(runs: readonly Run[], entries: readonly AxisEntry[], keep: number): Table {
  return {
    kind: 'table',
    id: 'keep_sets',
    title: 'Keep-sets of two data sets',
    columns: [
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'a', title: 'Data set', type: 'text' },
      { name: 'b', title: 'and', type: 'text' },
      { name: 'size_a', title: 'Experts of the first', type: 'integer' },
      { name: 'size_b', title: 'Experts of the second', type: 'integer' },
      { name: 'iou', title: 'IoU', type: 'number' },
    ],
    rows: entries.flatMap(({ layer, label }, at) =>
      runs.flatMap((a, i) =>
        runs.slice(i + 1).map((b) => {
          const [x, y] = [a, b].map(({ value }) => coveringUnits(value[at]?.weight ?? [], keep));
          return [
            layer ?? label,
            a.name,
            b.name,
            x?.length ?? 0,
            y?.length ?? 0,
            intersectionOverUnion(x ?? [], y ?? []),
          ];
        }),
      ),
    ),
  };
}

/** An expert chosen less often than this share of an even load is idle. */
const IDLE = 0.1;

function advice(runs: readonly Run[], entries: readonly AxisEntry[], keep: number, top: number) {
  const lines = runs.map(({ name, value }) => {
    const idle = value.flatMap(({ selected }, at) =>
      Array.from(selected).flatMap((share, expert) =>
        share < (IDLE * top) / selected.length
          ? [`${entries[at]?.label ?? ''} expert ${String(expert)}`]
          : [],
      ),
    );
    const kept = value.reduce((sum, { weight }) => sum + coveringUnits(weight, keep).length, 0);
    const all = value.reduce((sum, { weight }) => sum + weight.length, 0);
    const hits = numberMean(value.map(({ segments }) => cacheHitRate(segments, 2 * top))) ?? 0;
    return `${name}: ${shortNumber(kept)} of ${shortNumber(all)} experts hold ${percent(keep)} of the weight; a cache of twice the experts of a token hits ${percent(hits)}.${idle.length > 0 ? ` Idle: ${namesText(idle)}.` : ''}`;
  });
  const information = entries.map((_, at) => mutualInformation(weightsOf(runs, at)));
  const best = information.reduce((most, value, at) => (value > (information[most] ?? 0) ? at : most), 0);
  if (runs.length > 1) {
    const share = (information[best] ?? 0) / Math.log(runs.length);
    lines.push(
      `Experts of ${entries[best]?.label ?? ''} tell the data sets apart best: ${percent(share)} of what could be known.`,
    );
  }
  return recommendation(
    'Which experts to keep',
    lines,
    'an expert is judged by how often it is chosen here, not by what it adds; prune, measure, and go on.',
  );
}
