import type { AxisEntry, Matrix } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';

/** What a heatmap of layers × heads shows. */
export interface LayerHeadFigure {
  /** `metric:model`, stable. */
  readonly id: string;
  readonly metric: string;
  readonly model: string;
  readonly caption: string;
  /** The layers. */
  readonly rows: readonly AxisEntry[];
  /** Of every layer the values of its heads; layers may have fewer heads than others. */
  readonly heads: readonly ArrayLike<number | null>[];
  readonly unit: string;
  /** From 0 to the largest unless given. */
  readonly domain?: readonly [number, number];
}

/** A heatmap of layers × heads, empty where a layer has no such head. */
export function layerHeadMatrix(figure: LayerHeadFigure): Matrix {
  const { id, metric, model, caption, rows, heads, unit } = figure;
  const most = Math.max(0, ...heads.map((own) => own.length));
  const values = heads.flatMap((own) => Array.from({ length: most }, (_, head) => own[head] ?? null));
  return {
    kind: 'matrix',
    id,
    title: `${metric} · ${model}`,
    facets: { metric, task: model },
    caption,
    rows,
    columns: Array.from({ length: most }, (_, head) => ({ label: String(head), head })),
    rowTitle: 'layer',
    columnTitle: 'head',
    values: packNumbers(values),
    unit,
    scale: 'sequential',
    domain: figure.domain ?? fromZero(values),
  };
}
