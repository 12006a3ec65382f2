import type { AxisEntry, Series } from '../../protocol/artifact';
import { packNumbers } from '../../protocol/numbers';
import type { Measured } from './model-runs';

/** A figure that every layer has. */
export interface LayerMetric {
  readonly id: string;
  /** In a sentence, and as the title of a column. */
  readonly title: string;
  readonly unit: string;
}

/** A line for every run along the layers. `facets` tells metrics of one lens apart. */
export function layerCurves<T>(
  metric: LayerMetric,
  places: readonly AxisEntry[],
  runs: readonly Measured<T>[],
  valueOf: (value: T, place: number) => number | null,
  rest: Partial<Pick<Series, 'caption' | 'facets' | 'logarithmic'>> = {},
): Series {
  return {
    kind: 'series',
    id: metric.id,
    title: `${metric.title} along the layers`,
    x: { title: 'layer', values: places.map(({ label }) => label) },
    lines: runs.map(({ name, task, value }) => ({
      name,
      values: packNumbers(places.map((_, at) => valueOf(value, at))),
      ...(task ? { task: task.name } : {}),
    })),
    unit: metric.unit,
    places,
    ...rest,
  };
}

/** Captions of the runs that differ, one after the other. */
export function captionsOf(runs: readonly { readonly caption: string }[]): string {
  return [...new Set(runs.map(({ caption }) => caption))].join(' ');
}
