import { line as lineOf, scaleLinear, scalePoint } from 'd3';
import type { Series } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';
import { bottomAxis, leftAxis } from './axes';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { label, shape, shorten, textWidth, type Drawing, type Shape } from './shape';

/** Draws lines over one x axis, numeric or by name; an undefined value breaks its line. The key stands below. */
export function drawSeries(series: Series, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 640, height = 320 } = options;
  const key = keyRows(series, width - 68);
  const plot = { left: 60, right: width - 20, top: options.bare ? 26 : 56, bottom: height - 44 };
  const values = series.lines.map((line) => unpackNumbers(line.values));
  const defined = values.flat().filter((value) => value !== null);
  const low = Math.min(0, ...defined);
  const y = scaleLinear([low, Math.max(low + 1e-12, ...defined)], [plot.bottom, plot.top]).nice();
  const x = horizontal(series.x.values, plot);
  const colour = (index: number) => palette.series[index % palette.series.length] ?? palette.accent;
  const drawn = values.flatMap((points, index) => {
    const path = lineOf<number | null>()
      .defined((value) => value !== null)
      .x((_, position) => x.at(position))
      .y((value) => y(value ?? 0))(points);
    const name = series.lines[index]?.name ?? '';
    return [
      shape('path', {
        class: 'line',
        d: path ?? '',
        fill: 'none',
        stroke: colour(index),
        'stroke-width': 1.75,
      }),
      ...dots(points, x.at, y, colour(index), (position) => `${name}, ${x.text(position)}`),
    ];
  });
  return {
    width,
    height: height + key.length * 18,
    title: series.title,
    shapes: [
      ...(options.bare ? [] : [label(series.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      leftAxis(
        y.ticks(5).map((tick) => ({ at: y(tick), text: formatNumber(tick, 4) })),
        { left: plot.left, right: plot.right, title: series.unit },
        palette,
      ),
      ...drawn,
      bottomAxis(
        x.ticks,
        { left: plot.left, right: plot.right, y: plot.bottom, title: series.x.title },
        palette,
      ),
      ...key.flatMap((row, rowIndex) =>
        row.flatMap((item) => [
          shape('rect', {
            x: 60 + item.x,
            y: height + rowIndex * 18 - 4,
            width: 12,
            height: 3,
            fill: colour(item.index),
          }),
          label(item.text, 60 + item.x + 18, height + rowIndex * 18, { fill: palette.foreground }),
        ]),
      ),
    ],
  };
}

function horizontal(values: readonly (number | string)[], plot: { left: number; right: number }) {
  const text = (position: number) => {
    const value = values[position];
    return typeof value === 'number' ? formatNumber(value) : (value ?? '');
  };
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length === values.length && values.length > 0) {
    const scale = scaleLinear([Math.min(...numbers), Math.max(...numbers)], [plot.left, plot.right]);
    const ticks = scale.ticks(8).map((tick) => ({ at: scale(tick), text: formatNumber(tick, 4) }));
    return { at: (position: number) => scale(numbers[position] ?? 0), ticks, text };
  }
  const positions = values.map((_, index) => index);
  const scale = scalePoint<number>(positions, [plot.left + 8, plot.right - 8]);
  const at = (position: number) => scale(position) ?? plot.left;
  const ticks = positions.map((position) => ({ at: at(position), text: shorten(text(position), 120, 10) }));
  return { at, ticks, text };
}

function dots(
  points: readonly (number | null)[],
  x: (position: number) => number,
  y: (value: number) => number,
  fill: string,
  name: (position: number) => string,
): Shape[] {
  if (points.length > 100) return [];
  return points.flatMap((value, position) =>
    value === null
      ? []
      : [
          shape(
            'circle',
            { cx: x(position), cy: y(value), r: 3, fill },
            shape('title', {}, `${name(position)}: ${formatNumber(value)}`),
          ),
        ],
  );
}

function keyRows(series: Series, width: number) {
  const rows: { index: number; text: string; x: number }[][] = [[]];
  let x = 0;
  series.lines.forEach((line, index) => {
    const text = shorten(line.name, 200);
    const room = textWidth(text) + 34;
    if (x > 0 && x + room > width) {
      rows.push([]);
      x = 0;
    }
    rows[rows.length - 1]?.push({ index, text, x });
    x += room;
  });
  return rows;
}
