import { scaleLinear } from 'd3';
import type { Histogram } from '../protocol/artifact';
import { bottomAxis, leftAxis } from './axes';
import type { FigureOptions } from './figure-options';
import { placesOfCuts } from './histogram-cuts';
import { briefCount, formatCount, formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { label, shape, type Drawing, type Shape } from './shape';
import { valueScale, type ValueScale } from './value-scale';

/** Where a histogram's bars stand inside its drawing, in pixels. */
export interface HistogramPlot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Position of a value; one below a logarithmic axis stands at its left end. */
  at(value: number): number;
  valueAt(position: number): number;
}

/** The plot that {@link drawHistogram} draws into, for who draws over it. */
export function histogramPlot(histogram: Histogram, options: FigureOptions = {}): HistogramPlot {
  const { width = 480, height = 260 } = options;
  const { edges } = histogram;
  const plot = { left: 52, right: width - 16, top: options.bare ? 22 : 56, bottom: height - 40 };
  const scale = axisOf(histogram, plot);
  const low = edges[0] ?? 0;
  return {
    ...plot,
    at: (value) => Math.max(plot.left, Math.min(plot.right, scale.at(value) ?? plot.left)),
    valueAt: (position) => (position <= plot.left ? low : scale.valueAt(position)),
  };
}

function axisOf({ edges, logarithmic }: Histogram, plot: { left: number; right: number }): ValueScale {
  const low = edges[0] ?? 0;
  const high = edges.at(-1) ?? 1;
  const start = logarithmic === true ? (edges.find((edge) => edge > 0) ?? null) : null;
  return valueScale([start ?? low, high], [plot.left, plot.right], start !== null);
}

/**
 * Draws a histogram. With `logarithmic` the height of a bar is log₁₀(1 + count), so that an empty bin has no bar and a single value
 * still shows. Cuts are drawn as lines.
 */
export function drawHistogram(histogram: Histogram, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 480, height = 260, logarithmic = false } = options;
  const plot = histogramPlot(histogram, options);
  const { edges, counts, cuts } = histogram;
  const most = counts.reduce((highest, count) => Math.max(highest, count), 1);
  const lift = (count: number) => (logarithmic ? Math.log10(1 + count) : count);
  const y = scaleLinear([0, lift(most)], [plot.bottom, plot.top]);
  const bars = counts.flatMap((count, index): Shape[] => {
    const low = edges[index];
    const high = edges[index + 1];
    if (low === undefined || high === undefined || count === 0) return [];
    // A bin that is not empty shows at least half a pixel.
    const bar = Math.max(0.5, plot.bottom - y(lift(count)));
    const [from, to] = [plot.at(low), plot.at(high)];
    const barWidth = Math.max(0.5, to - from - (to - from > 3 ? 1 : 0));
    const text = `${formatNumber(low, 4)} … ${formatNumber(high, 4)}: ${formatCount(count)}`;
    return [
      shape(
        'rect',
        { class: 'bar', x: from, y: plot.bottom - bar, width: barWidth, height: bar, fill: palette.accent },
        shape('title', {}, text),
      ),
    ];
  });
  return {
    width,
    height,
    title: histogram.title,
    shapes: [
      ...(options.bare ? [] : [label(histogram.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      leftAxis(
        countTicks(most, logarithmic).map((count) => ({ at: y(lift(count)), text: briefCount(count) })),
        { left: plot.left, right: plot.right, title: logarithmic ? 'count (log)' : 'count' },
        palette,
      ),
      ...bars,
      ...(cuts && !options.withoutCuts ? cutLines(histogram, plot, palette.foreground) : []),
      bottomAxis(
        axisOf(histogram, plot).ticks(width / 80),
        { left: plot.left, right: plot.right, y: plot.bottom, title: histogram.unit },
        palette,
      ),
    ],
  };
}

function cutLines(histogram: Histogram, plot: HistogramPlot, stroke: string): Shape[] {
  const { cuts } = histogram;
  if (!cuts) return [];
  const places = placesOfCuts(histogram, cuts);
  return [places.lower, places.upper].map((value) =>
    shape(
      'path',
      {
        class: 'cut',
        d: `M${String(plot.at(value))} ${String(plot.top)}V${String(plot.bottom)}`,
        stroke,
        'stroke-width': 1.5,
        'stroke-dasharray': '4 3',
      },
      shape('title', {}, `cut at ${formatNumber(value, 4)}`),
    ),
  );
}

function countTicks(most: number, logarithmic: boolean): number[] {
  if (!logarithmic) return scaleLinear([0, most], [0, 1]).ticks(4).filter(Number.isInteger);
  const ticks = [0];
  for (let power = 1; power <= most; power *= 10) ticks.push(power);
  return ticks;
}
