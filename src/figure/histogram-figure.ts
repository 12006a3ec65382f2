import { scaleLinear } from 'd3';
import type { Histogram } from '../protocol/artifact';
import { bottomAxis, leftAxis } from './axes';
import type { FigureOptions } from './figure-options';
import { placesOfCuts } from './histogram-cuts';
import { briefCount, formatCount, formatNumber, formatShare } from './number-text';
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
 * Draws a histogram. The area of a bar is its count: over a logarithmic axis, where bins are of different widths, its height is
 * the count per octave, and a first bin that begins at 0 has no place and is told in words. With `logarithmic` counts the
 * height is log₁₀(1 + count), so that an empty bin has no bar and a single value still shows. Cuts are drawn as lines.
 */
export function drawHistogram(histogram: Histogram, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 480, height = 260, logarithmic = false } = options;
  const plot = histogramPlot(histogram, options);
  const { edges, counts, cuts } = histogram;
  const heights = counts.map((count, bin) => heightOf(histogram, count, bin));
  const most = heights.reduce<number>((highest, height) => Math.max(highest, height ?? 0), 1);
  const lift = (height: number) => (logarithmic ? Math.log10(1 + height) : height);
  const y = scaleLinear([0, lift(most)], [plot.bottom, plot.top]);
  const bars = counts.flatMap((count, index): Shape[] => {
    const [low, high, height] = [edges[index], edges[index + 1], heights[index] ?? null];
    if (low === undefined || high === undefined || count === 0 || height === null) return [];
    // A bin that is not empty shows at least half a pixel.
    const bar = Math.max(0.5, plot.bottom - y(lift(height)));
    const [from, to] = [plot.at(low), plot.at(high)];
    const barWidth = Math.max(0.5, to - from - (to - from > 6 ? 1 : 0));
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
        { left: plot.left, right: plot.right, title: countTitle(histogram, logarithmic) },
        palette,
      ),
      ...notDrawn(histogram, plot, palette.muted),
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

/** The height of a bar: its count, or count per octave over a logarithmic axis; `null` for a bin without a place on it. */
function heightOf({ edges, logarithmic }: Histogram, count: number, bin: number): number | null {
  const [low = 0, high = 0] = [edges[bin], edges[bin + 1]];
  if (logarithmic !== true || !(high > 0)) return count;
  return low > 0 ? count / Math.log2(high / low) : null;
}

function countTitle({ logarithmic: byOctave }: Histogram, logarithmic: boolean): string {
  return `${byOctave === true ? 'count per octave' : 'count'}${logarithmic ? ' (log)' : ''}`;
}

/** What the bin of 0 holds, which a logarithmic axis has no place for. */
function notDrawn(histogram: Histogram, { right, top }: HistogramPlot, fill: string): Shape[] {
  const { edges, counts } = histogram;
  const [count = 0, ...rest] = counts;
  if (count === 0 || heightOf(histogram, count, 0) !== null) return [];
  const share = count / rest.reduce((sum, other) => sum + other, count);
  const text = `0 … ${formatNumber(edges[1] ?? 0, 3)}, not drawn: ${formatCount(count)} (${formatShare(share)})`;
  return [label(text, right, top - 10, { 'text-anchor': 'end', fill })];
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
