import { label, shape, textWidth, type Shape } from './shape';
import type { Palette } from './palette';

/** A mark on an axis: where, in pixels, and what it says. */
export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Drops ticks whose texts would touch: keeps every n-th, so that neighbours stay `gap` pixels apart. */
export function thinTicks<T extends Tick>(
  ticks: readonly T[],
  width: (tick: T) => number,
  gap = 6,
): readonly T[] {
  for (let step = 1; step < ticks.length; step++) {
    const kept = ticks.filter((_, index) => index % step === 0);
    const free = kept.every((tick, index) => {
      const next = kept[index + 1];
      return !next || Math.abs(next.at - tick.at) >= (width(tick) + width(next)) / 2 + gap;
    });
    if (free) return kept;
  }
  return ticks.slice(0, 1);
}

/** A horizontal axis below a plot that spans `left`..`right` and ends at `y`. */
export function bottomAxis(
  ticks: readonly Tick[],
  place: { left: number; right: number; y: number; title: string },
  palette: Palette,
): Shape {
  const { left, right, y, title } = place;
  const shown = thinTicks(ticks, (tick) => textWidth(tick.text, 10));
  return shape(
    'g',
    { fill: palette.foreground },
    shape('path', { d: `M${px(left)} ${px(y)}H${px(right)}`, stroke: palette.line, fill: 'none' }),
    ...shown.map((tick) => shape('path', { d: `M${px(tick.at)} ${px(y)}v4`, stroke: palette.line })),
    ...shown.map((tick) => label(tick.text, tick.at, y + 15, { 'text-anchor': 'middle', 'font-size': 10 })),
    label(title, (left + right) / 2, y + 31, { 'text-anchor': 'middle', fill: palette.muted }),
  );
}

/** A vertical axis left of a plot, with grid lines across it; the title stands above `top`, where lines may end, or above the highest tick. */
export function leftAxis(
  ticks: readonly Tick[],
  place: { left: number; right: number; title: string; top?: number },
  palette: Palette,
): Shape {
  const { left, right, title, top = Infinity } = place;
  const shown = thinTicks(ticks, () => 11, 2);
  const highest = Math.min(top, ...ticks.map((tick) => tick.at));
  return shape(
    'g',
    { fill: palette.foreground },
    ...shown.map((tick) =>
      shape('path', {
        d: `M${px(left)} ${px(tick.at)}H${px(right)}`,
        stroke: palette.line,
        'stroke-opacity': 0.6,
      }),
    ),
    ...shown.map((tick) =>
      label(tick.text, left - 6, tick.at + 3.5, { 'text-anchor': 'end', 'font-size': 10 }),
    ),
    label(title, left, highest - 10, { 'text-anchor': 'start', fill: palette.muted }),
  );
}

/** A coordinate as it stands in path data: at most two decimals. */
export function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}
