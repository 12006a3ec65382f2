import { scaleLinear } from 'd3';
import type { Histogram } from '../protocol/artifact';
import { bottomAxis, leftAxis } from './axes';
import type { FigureOptions } from './figure-options';
import { briefCount, formatCount, formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { label, shape, type Drawing, type Shape } from './shape';

/**
 * Draws a histogram. With `logarithmic` the height of a bar is log₁₀(1 + count), so that an empty bin has no bar and a single value
 * still shows.
 */
export function drawHistogram(histogram: Histogram, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 480, height = 260, logarithmic = false } = options;
  const plot = { left: 52, right: width - 16, top: options.bare ? 22 : 56, bottom: height - 40 };
  const { edges, counts } = histogram;
  const most = Math.max(1, ...counts);
  const lift = (count: number) => (logarithmic ? Math.log10(1 + count) : count);
  const x = scaleLinear([edges[0] ?? 0, edges[edges.length - 1] ?? 1], [plot.left, plot.right]);
  const y = scaleLinear([0, lift(most)], [plot.bottom, plot.top]);
  const bars = counts.flatMap((count, index): Shape[] => {
    const low = edges[index];
    const high = edges[index + 1];
    if (low === undefined || high === undefined || count === 0) return [];
    // A bin that is not empty shows at least half a pixel.
    const bar = Math.max(0.5, plot.bottom - y(lift(count)));
    const barWidth = Math.max(0.5, x(high) - x(low) - (x(high) - x(low) > 3 ? 1 : 0));
    const text = `${formatNumber(low, 4)} … ${formatNumber(high, 4)}: ${formatCount(count)}`;
    return [
      shape(
        'rect',
        { class: 'bar', x: x(low), y: plot.bottom - bar, width: barWidth, height: bar, fill: palette.accent },
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
      bottomAxis(
        x.ticks(width / 80).map((tick) => ({ at: x(tick), text: formatNumber(tick, 4) })),
        { left: plot.left, right: plot.right, y: plot.bottom, title: histogram.unit },
        palette,
      ),
    ],
  };
}

function countTicks(most: number, logarithmic: boolean): number[] {
  if (!logarithmic) return scaleLinear([0, most], [0, 1]).ticks(4).filter(Number.isInteger);
  const ticks = [0];
  for (let power = 1; power <= most; power *= 10) ticks.push(power);
  return ticks;
}
