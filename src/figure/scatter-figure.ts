import { scaleLinear } from 'd3';
import type { Scatter } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';
import { bottomAxis, leftAxis } from './axes';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { label, shape, type Drawing } from './shape';

/** Draws points; where either coordinate is undefined the point is left out, and the count of these stands below. */
export function drawScatter(scatter: Scatter, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 520, height = 380 } = options;
  const plot = { left: 64, right: width - 20, top: options.bare ? 26 : 56, bottom: height - 44 };
  const ys = unpackNumbers(scatter.y.values);
  const points = unpackNumbers(scatter.x.values).flatMap((x, index) => {
    const y = ys[index] ?? null;
    return x === null || y === null ? [] : [{ x, y, name: scatter.points[index]?.label ?? '' }];
  });
  const x = scaleLinear(hull(points.map((point) => point.x)), [plot.left, plot.right]).nice();
  const y = scaleLinear(hull(points.map((point) => point.y)), [plot.bottom, plot.top]).nice();
  const missing = scatter.points.length - points.length;
  const ticks = (scale: typeof x, count: number) =>
    scale.ticks(count).map((tick) => ({ at: scale(tick), text: formatNumber(tick, 4) }));
  return {
    width,
    height: height + (missing > 0 ? 16 : 0),
    title: scatter.title,
    shapes: [
      ...(options.bare ? [] : [label(scatter.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      leftAxis(ticks(y, 6), { left: plot.left, right: plot.right, title: scatter.y.title }, palette),
      bottomAxis(
        ticks(x, 7),
        { left: plot.left, right: plot.right, y: plot.bottom, title: scatter.x.title },
        palette,
      ),
      ...points.map((point) =>
        shape(
          'circle',
          {
            class: 'point',
            cx: x(point.x),
            cy: y(point.y),
            r: 3.5,
            fill: palette.accent,
            'fill-opacity': 0.75,
          },
          shape('title', {}, `${point.name}: ${formatNumber(point.x)}, ${formatNumber(point.y)}`),
        ),
      ),
      ...(missing > 0
        ? [label(`${String(missing)} undefined, not drawn`, plot.left, height + 4, { fill: palette.muted })]
        : []),
    ],
  };
}

function hull(values: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === Infinity) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}
