import { line as lineOf, scalePoint } from 'd3';
import type { Series } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';
import { bottomAxis, leftAxis, type Tick } from './axes';
import { entryMark, seriesEntry } from './entries';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { lineColour, seriesKey } from './series-key';
import { label, shape, shorten, type Drawing, type Shape } from './shape';
import { drawStacked } from './stacked-figure';
import { leastPositive, valueScale } from './value-scale';

/** Up to so many points of all lines together get a dot each, which can be pointed at. */
const MOST_DOTS = 2000;

/** Draws lines over one x axis, numeric or by name; an undefined value breaks its line. The key stands below. */
export function drawSeries(series: Series, options: FigureOptions = {}): Drawing {
  if (series.style === 'stacked') return drawStacked(series, options);
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 640, height = 320 } = options;
  const key = seriesKey(series, width - 68, palette);
  const plot = { left: 60, right: width - 20, top: options.bare ? 26 : 56, bottom: height - 44 };
  const values = series.lines.map((line) => unpackNumbers(line.values));
  const y = vertical(values.flat(), [plot.bottom, plot.top], series.logarithmic?.y === true);
  const x = horizontal(series, plot);
  const drawn = values.flatMap((points, index) => {
    const places = points.map((value, position): readonly [number, number] | null => {
      const across = x.at(position);
      const up = value === null ? null : y.at(value);
      return across === null || up === null ? null : [across, up];
    });
    const path = lineOf<readonly [number, number] | null>()
      .defined((place) => place !== null)
      .x((place) => place?.[0] ?? 0)
      .y((place) => place?.[1] ?? 0)(places);
    const stroke = lineColour(palette, index);
    const line = { class: 'line', d: path ?? '', fill: 'none', stroke, 'stroke-width': 1.75 };
    return [
      shape('path', { ...line, 'data-line': index }),
      ...dots(series, places, index, stroke, (position) => {
        const name = series.lines[index]?.name ?? '';
        return `${name}, ${x.text(position)}: ${formatNumber(points[position] ?? null)}`;
      }),
    ];
  });
  return {
    width,
    height: height + key.height,
    title: series.title,
    shapes: [
      ...(options.bare ? [] : [label(series.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      leftAxis(
        y.ticks(5),
        { left: plot.left, right: plot.right, top: plot.top, title: series.unit },
        palette,
      ),
      ...drawn,
      bottomAxis(
        x.ticks,
        { left: plot.left, right: plot.right, y: plot.bottom, title: series.x.title },
        palette,
      ),
      ...key.shapes(60, height),
    ],
  };
}

/** The scale of values: from 0 where it is linear, over the positive ones where it is logarithmic. */
function vertical(
  values: readonly (number | null)[],
  range: readonly [number, number],
  logarithmic: boolean,
) {
  let low = 0;
  let high = 0;
  const defined = values.filter((value) => value !== null);
  for (const value of defined) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const start = logarithmic ? leastPositive(defined) : null;
  return valueScale([start ?? low, high], range, start !== null);
}

interface Horizontal {
  at(position: number): number | null;
  text(position: number): string;
  readonly ticks: readonly Tick[];
}

/** Where each x stands: on a scale where all are numbers, else one beside the other. */
export function horizontal(series: Series, plot: { left: number; right: number }): Horizontal {
  const { values } = series.x;
  const text = (position: number) => {
    const value = values[position];
    return typeof value === 'number' ? formatNumber(value) : (value ?? '');
  };
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length === values.length && values.length > 0) {
    const start = series.logarithmic?.x === true ? leastPositive(numbers) : null;
    const low = numbers.reduce((least, value) => Math.min(least, value), Infinity);
    const high = numbers.reduce((most, value) => Math.max(most, value), -Infinity);
    const scale = valueScale([start ?? low, high], [plot.left, plot.right], start !== null);
    return { at: (position) => scale.at(numbers[position] ?? 0), ticks: scale.ticks(8), text };
  }
  const positions = values.map((_, index) => index);
  const scale = scalePoint<number>(positions, [plot.left + 8, plot.right - 8]);
  const at = (position: number) => scale(position) ?? plot.left;
  const ticks = positions.map((position) => ({ at: at(position), text: shorten(text(position), 120, 10) }));
  return { at, ticks, text };
}

function dots(
  series: Series,
  places: readonly (readonly [number, number] | null)[],
  line: number,
  fill: string,
  name: (position: number) => string,
): Shape[] {
  if (places.length * series.lines.length > MOST_DOTS) return [];
  const r = places.length > 60 ? 2 : 3;
  return places.flatMap((place, position) =>
    place === null
      ? []
      : [
          shape(
            'circle',
            { cx: place[0], cy: place[1], r, fill, ...entryMark(seriesEntry(series, line, position)) },
            shape('title', {}, name(position)),
          ),
        ],
  );
}
