import type { Series } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';
import { bottomAxis, leftAxis } from './axes';
import { entryMark, seriesEntry } from './entries';
import type { FigureOptions } from './figure-options';
import { formatNumber, formatShare } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { lineColour, seriesKey } from './series-key';
import { label, shape, shorten, type Drawing, type Shape } from './shape';
import { valueScale } from './value-scale';

/** Draws the values of all lines on top of each other, one column for each x; undefined and negative ones take no room. */
export function drawStacked(series: Series, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 640, height = 320 } = options;
  const key = seriesKey(series, width - 68, palette);
  const plot = { left: 60, right: width - 20, top: options.bare ? 26 : 56, bottom: height - 44 };
  const lines = series.lines.map((line) => unpackNumbers(line.values));
  const count = series.x.values.length;
  const totals = Array.from({ length: count }, (_, position) =>
    lines.reduce((sum, values) => sum + Math.max(0, values[position] ?? 0), 0),
  );
  const highest = totals.reduce((most, total) => Math.max(most, total), 0);
  const y = valueScale([0, highest || 1], [plot.bottom, plot.top], false);
  const step = (plot.right - plot.left) / Math.max(1, count);
  const gap = step > 4 ? 1 : 0;
  const name = (position: number) => {
    const value = series.x.values[position];
    return typeof value === 'number' ? formatNumber(value) : (value ?? '');
  };
  const format = series.unit === 'share' ? formatShare : formatNumber;
  const columns = Array.from({ length: count }, (_, position): Shape[] => {
    let below = 0;
    return lines.flatMap((values, line) => {
      const value = values[position] ?? 0;
      if (!(value > 0)) return [];
      const top = y.at(below + value) ?? plot.bottom;
      const foot = y.at(below) ?? plot.bottom;
      below += value;
      const text = `${series.lines[line]?.name ?? ''}, ${name(position)}: ${format(value)}`;
      const box = { x: plot.left + position * step, y: top, width: step - gap, height: foot - top };
      const fill = lineColour(palette, line);
      const mark = entryMark(seriesEntry(series, line, position));
      return [shape('rect', { class: 'part', ...box, fill, ...mark }, shape('title', {}, text))];
    });
  });
  const ticks = series.x.values.map((_, position) => ({
    at: plot.left + (position + 0.5) * step,
    text: shorten(name(position), 120, 10),
  }));
  return {
    width,
    height: height + key.height,
    title: series.title,
    shapes: [
      ...(options.bare ? [] : [label(series.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      leftAxis(y.ticks(5), { left: plot.left, right: plot.right, title: series.unit }, palette),
      ...columns.flat(),
      bottomAxis(
        ticks,
        { left: plot.left, right: plot.right, y: plot.bottom, title: series.x.title },
        palette,
      ),
      ...key.shapes(60, height),
    ],
  };
}
