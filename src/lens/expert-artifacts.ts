import type { AxisEntry, Matrix } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { extent, fromZero } from './domain';
import { expertFigures, matchedCosineOf, type ExpertFigures, type LayerFigures } from './expert-figures';
import { MATCHED, WEIGHTS } from './expert-captions';
import { cosineOf } from './expert-geometry';
import { averageLinkage, leafOrder } from './linkage';

/** A layer with the figures of its experts. */
export interface DrawnLayer extends LayerFigures {
  readonly figures: readonly ExpertFigures[];
}

/** Computes the figures of all experts once, for everything that is drawn of them. */
export function drawnLayers(layers: readonly LayerFigures[]): DrawnLayer[] {
  return layers.map((layer) => ({ ...layer, figures: expertFigures(layer) }));
}

/** Cells of all matrices together: more would not fit into a result that a panel can hold. */
const MOST_CELLS = 1_000_000;
/** Layer × expert heatmaps of every model, one per figure. */
export function layerMaps(layers: readonly DrawnLayer[]): Matrix[] {
  const models = [...new Set(layers.map(({ model }) => model.name))];
  return models.flatMap((name) => {
    const own = layers.filter(({ model }) => model.name === name);
    return MAPS.flatMap((map) => {
      const matrix = layerMap(name, own, map);
      return matrix.domain === null ? [] : [matrix];
    });
  });
}

interface ExpertMap {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly caption: string;
  readonly cosine: boolean;
  valueOf(figures: ExpertFigures): number | null;
}

const MAPS: readonly ExpertMap[] = [
  {
    metric: 'nearest', title: 'Cosine with the most similar expert', unit: 'cos', cosine: true, caption: WEIGHTS,
    valueOf: ({ nearest }) => nearest?.cosine ?? null,
  },
  {
    metric: 'nearest-matched', title: 'Cosine with the most similar expert, units matched', unit: 'cos', cosine: true, caption: MATCHED,
    valueOf: ({ nearestMatched }) => nearestMatched?.cosine ?? null,
  },
  {
    metric: 'deviation', title: 'Distance from the mean expert', unit: '‖W − mean‖ / ‖mean‖', cosine: false,
    caption: `Near 0 where experts were copied from one network and have hardly moved since. ${WEIGHTS}`,
    valueOf: ({ deviation }) => deviation,
  },
  {
    metric: 'router-norm', title: 'Length of router rows', unit: '‖router row‖', cosine: false,
    caption: 'proxy: a long row can win a token more easily, but how often it does only data tell.',
    valueOf: ({ routerNorm }) => routerNorm,
  },
  {
    metric: 'change', title: 'Change of experts against the base', unit: '‖τ‖ / ‖θ₀‖', cosine: false, caption: WEIGHTS,
    valueOf: ({ change }) => change,
  },
]; // prettier-ignore

function layerMap(task: string, layers: readonly DrawnLayer[], map: ExpertMap): Matrix {
  const most = layers.reduce((count, { figures }) => Math.max(count, figures.length), 0);
  const values = layers.flatMap(({ figures }) =>
    Array.from({ length: most }, (_, at) => {
      const own = figures[at];
      return own ? map.valueOf(own) : null;
    }),
  );
  return {
    kind: 'matrix',
    id: `layers:${map.metric}:${task}`,
    title: `${map.title} · ${task}`,
    facets: { metric: map.metric, task },
    caption: map.caption,
    rows: layers.map(({ layer }) => ({ label: layer.label, layer: layer.layer, task })),
    columns: Array.from({ length: most }, (_, at) => ({ label: longestLabel(layers, at) })),
    rowTitle: 'layer',
    columnTitle: 'expert',
    values: packNumbers(values),
    unit: map.unit,
    scale: map.cosine ? 'diverging' : 'sequential',
    domain: map.cosine ? extent(values) && [-1, 1] : fromZero(values),
  };
}

function longestLabel(layers: readonly DrawnLayer[], at: number): string {
  return layers.find(({ figures }) => figures[at])?.figures[at]?.label ?? '';
}

/** Expert × expert matrices of every layer: plain and matched cosines of the weights, cosines of the router's rows. */
export function pairMaps(layers: readonly DrawnLayer[]): Matrix[] {
  const matrices: Matrix[] = [];
  let cells = 0;
  for (const drawn of layers) {
    const n = drawn.experts.n;
    cells += 3 * n * n;
    if (cells > MOST_CELLS) break;
    const { matched, router } = drawn;
    matrices.push(pairMap(drawn, 'weights', 'Cosine of experts', WEIGHTS, (a, b) => cosineOf(drawn.experts, a, b)));
    if (matched) {
      matrices.push(pairMap(drawn, 'matched', 'Cosine of experts, units matched', MATCHED, (a, b) => matchedCosineOf(matched, a, b)));
    }
    if (router) {
      const caption = 'Experts whose rows point the same way are picked by the same tokens.';
      matrices.push(pairMap(drawn, 'router', 'Cosine of router rows', caption, (a, b) => cosineOf(router.gram, a, b)));
    }
  }
  return matrices;
} // prettier-ignore

function pairMap(
  { model, layer, experts: { n } }: DrawnLayer,
  metric: string,
  title: string,
  caption: string,
  valueOf: (a: number, b: number) => number | null,
): Matrix {
  const values = Array.from({ length: n * n }, (_, at) => valueOf(Math.floor(at / n), at % n));
  const entries: AxisEntry[] = layer.experts.map(({ label, weights }) => {
    const tensor = weights[0]?.entry.name;
    return { label, layer: layer.layer, task: model.name, ...(tensor === undefined ? {} : { tensor }) };
  });
  const order = leafOrder(
    averageLinkage(
      Float64Array.from(values, (value) => 1 - (value ?? 0)),
      n,
    ),
    n,
  );
  return {
    kind: 'matrix',
    id: `pairs:${metric}:${model.name}:${layer.container}`,
    title: `${title} · ${layer.label} · ${model.name}`,
    facets: { metric, layer: layer.label, task: model.name },
    caption,
    rows: entries,
    columns: entries,
    rowTitle: 'expert',
    columnTitle: 'expert',
    values: packNumbers(values),
    unit: 'cos',
    scale: 'diverging',
    domain: extent(values) && [-1, 1],
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
}
