import { scaleLinear, scaleLog } from 'd3';
import type { Tick } from './axes';
import { formatNumber } from './number-text';

/** A scale of numbers along one axis, linear or logarithmic. */
export interface ValueScale {
  /** Pixel position; `null` for a value that a logarithmic axis does not have. */
  at(value: number): number | null;
  /** The value at a pixel position. */
  valueAt(position: number): number;
  ticks(count: number): readonly Tick[];
}

/** A scale over `[low, high]` in pixels `[from, to]`. A logarithmic one starts at the least positive value given as `low`. */
export function valueScale(
  [low, high]: readonly [number, number],
  range: readonly [number, number],
  logarithmic: boolean,
): ValueScale {
  if (!logarithmic || !(high > 0)) {
    const scale = scaleLinear([low, high > low ? high : low + 1e-12], range);
    return {
      at: (value) => scale(value),
      valueAt: (position) => scale.invert(position),
      ticks: (count) => scale.ticks(count).map((tick) => ({ at: scale(tick), text: formatNumber(tick, 4) })),
    };
  }
  const start = low > 0 && low < high ? low : high / 10;
  const scale = scaleLog([start, high], range);
  return {
    at: (value) => (value > 0 ? scale(value) : null),
    valueAt: (position) => scale.invert(position),
    ticks: (count) =>
      logTicks(start, high, count).map((tick) => ({ at: scale(tick), text: powerText(tick) })),
  };
}

/** Powers of ten, or of a power of ten where there are many; with 2 and 5 between them where there are few. */
function logTicks(low: number, high: number, count: number): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const powers = last - first + 1;
  if (powers < 3) return scaleLog([low, high], [0, 1]).ticks(count);
  const step = Math.max(1, Math.ceil(powers / count));
  return Array.from({ length: Math.ceil(powers / step) }, (_, index) => 10 ** (first + index * step));
}

function powerText(value: number): string {
  return formatNumber(value, 3);
}

/** The least positive of some values; `null` where there is none. */
export function leastPositive(values: Iterable<number>): number | null {
  let least = Infinity;
  for (const value of values) if (value > 0 && value < least) least = value;
  return least === Infinity ? null : least;
}
