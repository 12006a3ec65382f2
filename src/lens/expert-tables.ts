import type { Artifact, Table, TableCell } from '../protocol/artifact';
import { extent } from './domain';
import type { DrawnLayer } from './expert-artifacts';
import { MATCHED, WEIGHTS } from './expert-captions';
import { matchedCosineOf, pairValues } from './expert-figures';
import { cosineOf } from './expert-geometry';
import type { SharedOverlap } from './expert-overlap';
import { wholeText } from './wording';

/** More pairs than this nobody reads; of more the most similar are listed. */
const MOST_PAIRS = 20_000;

/** One row per layer of every model. */
export function layerTable(layers: readonly DrawnLayer[]): Table {
  const rows = layers.map((drawn): TableCell[] => {
    const { model, layer, experts, router, matched, figures } = drawn;
    const plain = pairValues(experts.n, (a, b) => cosineOf(experts, a, b));
    const paired = pairValues(experts.n, (a, b) => matchedCosineOf(matched, a, b));
    const rows = router ? pairValues(experts.n, (a, b) => cosineOf(router.gram, a, b)) : [];
    const ranks = router?.figures;
    return [
      model.name, layer.label, experts.n, layer.shared.length,
      mean(plain), largest(plain), mean(paired), largest(paired), matched?.chance ?? null,
      mean(rows), largest(rows),
      ranks?.effective_rank ?? null, ranks?.stable_rank ?? null, ranks?.rank90 ?? null, ranks?.rank95 ?? null, ranks?.rank99 ?? null,
      figures.filter(({ dead }) => dead !== null).length,
    ]; // prettier-ignore
  });
  return {
    kind: 'table',
    id: 'layers',
    title: 'Layers',
    caption: `${WEIGHTS} Means are over all pairs of different experts. Chance: the matched cosine of the first two experts after the inputs of one were shuffled.`,
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'experts', title: 'Experts', type: 'integer' },
      { name: 'shared', title: 'Shared experts', type: 'integer' },
      { name: 'mean_cos', title: 'Mean cosine', type: 'number' },
      { name: 'max_cos', title: 'Largest cosine', type: 'number' },
      { name: 'mean_matched_cos', title: 'Mean matched cosine', type: 'number' },
      { name: 'max_matched_cos', title: 'Largest matched cosine', type: 'number' },
      { name: 'matched_chance', title: 'Chance', type: 'number' },
      { name: 'router_mean_cos', title: 'Mean router cosine', type: 'number' },
      { name: 'router_max_cos', title: 'Largest router cosine', type: 'number' },
      { name: 'router_effective_rank', title: 'Router effective rank', type: 'number' },
      { name: 'router_stable_rank', title: 'Router stable rank', type: 'number' },
      { name: 'router_rank90', title: 'Router rank 90 %', type: 'integer' },
      { name: 'router_rank95', title: 'Router rank 95 %', type: 'integer' },
      { name: 'router_rank99', title: 'Router rank 99 %', type: 'integer' },
      { name: 'dead', title: 'Dead', type: 'integer' },
    ],
    rows,
  };
}

/** One row per expert of every layer and model. */
export function expertTable(layers: readonly DrawnLayer[]): Table {
  const rows = layers.flatMap(({ model, layer, figures }) =>
    figures.map((own): TableCell[] => [
      model.name, layer.label, own.label, own.norm, own.cosMean, own.deviation,
      own.nearest?.label ?? null, own.nearest?.cosine ?? null,
      own.nearestMatched?.label ?? null, own.nearestMatched?.cosine ?? null,
      own.routerNorm, own.nearestRouter?.label ?? null, own.nearestRouter?.cosine ?? null, own.change, own.dead,
    ]),
  ); // prettier-ignore
  return {
    kind: 'table',
    id: 'experts',
    title: 'Experts',
    caption: `${WEIGHTS} proxy: an expert counts as dead where its weights, or its router row, are shorter than a thousandth of the layer's median; an expert that is never picked for other reasons only data show.`,
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'expert', title: 'Expert', type: 'text' },
      { name: 'norm', title: '‖W‖', type: 'number' },
      { name: 'cos_mean', title: 'Cosine with the mean', type: 'number' },
      { name: 'deviation', title: '‖W − mean‖ / ‖mean‖', type: 'number' },
      { name: 'nearest', title: 'Most similar', type: 'text' },
      { name: 'nearest_cos', title: 'Cosine', type: 'number' },
      { name: 'nearest_matched', title: 'Most similar, matched', type: 'text' },
      { name: 'nearest_matched_cos', title: 'Matched cosine', type: 'number' },
      { name: 'router_norm', title: '‖router row‖', type: 'number' },
      { name: 'nearest_router', title: 'Closest router row', type: 'text' },
      { name: 'nearest_router_cos', title: 'Router cosine', type: 'number' },
      { name: 'change', title: '‖τ‖ / ‖θ₀‖', type: 'number' },
      { name: 'dead', title: 'Dead', type: 'text' },
    ],
    rows,
  };
}

/** One row per two experts of a layer; of very many the most similar. */
export function expertPairTable(layers: readonly DrawnLayer[]): Table {
  const rows = layers.flatMap(({ model, layer, experts, router, matched }) => {
    const labels = layer.experts.map(({ label }) => label);
    return labels.flatMap((a, i) =>
      labels.slice(i + 1).map((b, k): TableCell[] => {
        const j = i + 1 + k;
        return [
          model.name, layer.label, a, b,
          cosineOf(experts, i, j), matchedCosineOf(matched, i, j), router ? cosineOf(router.gram, i, j) : null,
        ]; // prettier-ignore
      }),
    );
  });
  const likeness = (row: readonly TableCell[]) => Number(row[5] ?? row[4] ?? -1);
  const shown =
    rows.length > MOST_PAIRS ? rows.sort((a, b) => likeness(b) - likeness(a)).slice(0, MOST_PAIRS) : rows;
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Pairs of experts',
    caption: `${WEIGHTS} ${shown.length < rows.length ? `The ${wholeText(MOST_PAIRS)} most similar of ${wholeText(rows.length)} pairs. ` : ''}${MATCHED}`,
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'a', title: 'Expert', type: 'text' },
      { name: 'b', title: 'Other expert', type: 'text' },
      { name: 'cos', title: 'Cosine', type: 'number' },
      { name: 'matched_cos', title: 'Matched cosine', type: 'number' },
      { name: 'router_cos', title: 'Router cosine', type: 'number' },
    ],
    rows: shown,
  };
}

/** Shared against routed experts; nothing where there are none. */
export function sharedTable(overlaps: readonly SharedOverlap[], rank: number): Artifact[] {
  if (overlaps.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'shared',
      title: 'Shared and routed experts',
      caption: `Overlap of the subspaces into which the down-projections write: ‖UₛᵀUₑ‖² / r of the first r = ${wholeText(rank)} left singular vectors. Chance: r / hidden size.`,
      columns: [
        { name: 'model', title: 'Model', type: 'text' },
        { name: 'layer', title: 'Layer', type: 'text' },
        { name: 'shared', title: 'Shared expert', type: 'text' },
        { name: 'expert', title: 'Expert', type: 'text' },
        { name: 'overlap', title: 'Overlap', type: 'share' },
        { name: 'chance', title: 'Chance', type: 'share' },
      ],
      rows: overlaps.map(({ geometry: { model, layer }, shared, expert, overlap, chance }) => [
        model.name,
        layer.label,
        shared.label,
        expert.label,
        overlap,
        chance,
      ]),
    },
  ];
}

function mean(values: readonly number[]): number | null {
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

function largest(values: readonly number[]): number | null {
  return extent(values)?.[1] ?? null;
}
