import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { type Measured } from './activations/model-runs';
import { numberMean } from './activations/number-mean';
import { cacheHitRate, mutualInformation, segmentPerformance, type Routing } from './activations/routing';
import { coveringUnits, intersectionOverUnion } from './activations/unit-sets';
import { fromZero } from './domain';
import { recommendation } from './recommendation';
import { namesText, percent, shortNumber } from './wording';

/** The routing of every layer on one data set. */
export type Run = Measured<readonly Routing[]>;

/** How often each expert of each layer is chosen on a data set. */
export function heatmap({ name, value }: Run, entries: readonly AxisEntry[], caption: string): Matrix {
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
export function cacheCurves(runs: readonly Run[], top: number, caption: string) {
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

/** A row for every data set and layer: information, evenness of the load, SRP and hit rate. */
export function layerTable(
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

/** A row for every expert, layer and data set, with whether the keep-set holds it. */
export function expertTable(runs: readonly Run[], entries: readonly AxisEntry[], keep: number): Table {
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

/** How far the keep-sets of two data sets agree, by layer. */
export function overlapTable(runs: readonly Run[], entries: readonly AxisEntry[], keep: number): Table {
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

/** Which experts hold the weight, which are idle, and what tells the data sets apart. */
export function advice(runs: readonly Run[], entries: readonly AxisEntry[], keep: number, top: number) {
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
