import { scaleLinear } from 'd3';
import type { Scatter } from '../protocol/artifact';
import { unpackNumbers } from '../protocol/numbers';
import { bottomAxis, leftAxis } from './axes';
import { entryMark } from './entries';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { nameMarks } from './scatter-names';
import { groupKey, markPath } from './group-key';
import { lineColour } from './series-key';
import { label, shape, type Drawing } from './shape';

const TICKS = { x: 7, y: 6 };

interface Point {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly group: number | null;
}

/**
 * Draws points with their names; groups are told apart by colour and by mark. Where either coordinate is undefined the point is left
 * out, and the count of these stands below.
 */
export function drawScatter(scatter: Scatter, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const { width = 560, height = heightFor(scatter.points.length) } = options;
  const plot = { left: 64, right: width - 20, top: options.bare ? 26 : 56, bottom: height - 44 };
  const points = pointsOf(scatter);
  const x = scaleLinear(hull(points.map((point) => point.x)), [plot.left, plot.right]).nice(TICKS.x);
  const y = scaleLinear(hull(points.map((point) => point.y)), [plot.bottom, plot.top]).nice(TICKS.y);
  const missing = scatter.points.length - points.length;
  const ticks = (scale: typeof x, count: number) =>
    scale.ticks(count).map((tick) => ({ at: scale(tick), text: formatNumber(tick, 4) }));
  const places = points.map((point) => ({ point, x: x(point.x), y: y(point.y) }));
  const names = nameMarks(
    scatter.isNamed === false
      ? []
      : places.map(({ point, x: left, y: top }) => ({ x: left, y: top, name: point.name })),
    { ...plot, left: plot.left + 2, right: width - 4 },
    palette,
  );
  const key = groupKey(scatter, palette);
  const below = height + key.height + (missing > 0 ? 16 : 0);
  const fill = ({ group }: Point) => (group === null ? palette.accent : lineColour(palette, group));
  return {
    width,
    height: below + names.listHeight,
    title: scatter.title,
    shapes: [
      ...(options.bare ? [] : [label(scatter.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      leftAxis(ticks(y, TICKS.y), { left: plot.left, right: plot.right, title: scatter.y.title }, palette),
      bottomAxis(
        ticks(x, TICKS.x),
        { left: plot.left, right: plot.right, y: plot.bottom, title: scatter.x.title },
        palette,
      ),
      ...places.map(({ point, ...place }) =>
        shape(
          'path',
          {
            class: 'point',
            d: markPath(point.group ?? 0, place.x, place.y),
            fill: fill(point),
            'fill-opacity': scatter.isNamed === false ? 0.6 : 0.85,
            ...entryMark(point.index),
          },
          shape('title', {}, pointText(point, scatter.groupNames)),
        ),
      ),
      ...names.shapes,
      ...key.shapes(plot.left, height),
      ...names.list(below),
      ...(missing > 0
        ? [
            label(`${String(missing)} undefined, not drawn`, plot.left, height + key.height + 4, {
              fill: palette.muted,
            }),
          ]
        : []),
    ],
  };
}

/** Many points have numbers beside them, which need room. */
function heightFor(points: number): number {
  return 400 + Math.min(240, Math.max(0, points - 40) * 3);
}

function pointsOf(scatter: Scatter): Point[] {
  const ys = unpackNumbers(scatter.y.values);
  return unpackNumbers(scatter.x.values).flatMap((x, index) => {
    const y = ys[index] ?? null;
    const name = scatter.points[index]?.label ?? '';
    return x === null || y === null ? [] : [{ index, x, y, name, group: scatter.groups?.[index] ?? null }];
  });
}

function pointText({ name, x, y, group }: Point, groupNames: readonly string[] = []): string {
  const grouped = group === null ? '' : `, ${groupNames[group] ?? `group ${String(group + 1)}`}`;
  return `${name}: ${formatNumber(x)}, ${formatNumber(y)}${grouped}`;
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
