import { scaleLog, ticks as niceTicks } from 'd3';
import type { Scale } from '../protocol/artifact';
import { rampColour } from './colour-ramps';
import type { ValueRange } from './matrix-values';
import { formatNumber } from './number-text';
import type { Palette } from './palette';

/** How values become colours, for one matrix or for several that share it. */
export interface Colouring {
  readonly scale: Scale;
  readonly domain: readonly [number, number];
  readonly logarithmic: boolean;
  /** Ramp stops from the low to the high end. */
  readonly stops: readonly string[];
  /** Values worth a tick in the legend, ascending, with their text. */
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** What the reader must know, e.g. that zeros stand at the low end of a logarithmic scale. */
  readonly note: string | null;
  /** 0..1 along the ramp, clamped; NaN for an undefined value. */
  position(value: number): number;
  /** `#rrggbb`, or `null` for an undefined value. */
  colour(value: number): string | null;
}

export interface ColouringOptions {
  readonly scale: Scale;
  readonly domain: readonly [number, number] | null;
  readonly range: ValueRange | null;
  readonly logarithmic: boolean;
  readonly palette: Palette;
}

/**
 * Chooses the mapping. Diverging and categorical figures are never logarithmic. Where a logarithmic scale has nothing positive
 * to stand on, it falls back to the linear one and says so in `note`.
 */
export function createColouring(options: ColouringOptions): Colouring {
  const { scale, palette, range } = options;
  if (scale === 'categorical') return categorical(options);
  const domain = options.domain ?? (range ? [range.least, range.most] : [0, 1]);
  const stops = scale === 'diverging' ? palette.diverging : palette.sequential;
  if (options.logarithmic && scale === 'sequential') {
    const low = domain[0] > 0 ? domain[0] : (range?.leastPositive ?? null);
    if (low !== null && domain[1] > low) return logarithmic(options, [low, domain[1]], stops);
    return linear(scale, domain, stops, 'No positive spread: drawn on a linear scale.');
  }
  return linear(scale, domain, stops, null);
}

function linear(
  scale: Scale,
  domain: readonly [number, number],
  stops: readonly string[],
  note: string | null,
): Colouring {
  const [low, high] = domain;
  const span = high - low;
  const middle = scale === 'diverging' ? 0.5 : 0;
  const position = (value: number) =>
    Number.isNaN(value) ? value : span > 0 ? clamp((value - low) / span) : middle;
  const values = span > 0 ? niceTicks(low, high, 4) : [low];
  return finish({ scale, domain, logarithmic: false, stops, note, position }, values);
}

function logarithmic(
  options: ColouringOptions,
  domain: readonly [number, number],
  stops: readonly string[],
): Colouring {
  const [low, high] = domain;
  const span = Math.log(high / low);
  const position = (value: number) =>
    Number.isNaN(value) ? value : value <= low ? 0 : clamp(Math.log(value / low) / span);
  const powers = scaleLog([low, high], [0, 1]).ticks(4);
  const tens = powers.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9));
  const zeros = options.range?.notPositive ?? 0;
  const note = zeros > 0 ? `${String(zeros)} ${zeros === 1 ? 'zero' : 'zeros'} drawn at the low end.` : null;
  const values = tens.length >= 2 ? thin(tens, 6) : powers.length >= 2 ? thin(powers, 5) : [low, high];
  return finish({ scale: 'sequential', domain, logarithmic: true, stops, note, position }, values);
}

function categorical({ range, domain, palette }: ColouringOptions): Colouring {
  const most = Math.max(0, Math.round(domain?.[1] ?? range?.most ?? 0));
  const stops = Array.from(
    { length: most + 1 },
    (_, index) => palette.series[index % palette.series.length] ?? palette.accent,
  );
  const position = (value: number) =>
    Number.isNaN(value) ? value : most === 0 ? 0 : clamp(Math.round(value) / most);
  const values = Array.from({ length: Math.min(most + 1, 12) }, (_, index) => index);
  const made = finish(
    { scale: 'categorical', domain: [0, most], logarithmic: false, stops, note: null, position },
    values,
  );
  return {
    ...made,
    colour: (value) => (Number.isNaN(value) ? null : (stops[Math.round(position(value) * most)] ?? null)),
  };
}

function finish(parts: Omit<Colouring, 'ticks' | 'colour'>, values: readonly number[]): Colouring {
  return {
    ...parts,
    ticks: values.map((value) => ({ value, text: formatNumber(Number(value.toPrecision(12)), 4) })),
    colour: (value) => (Number.isNaN(value) ? null : rampColour(parts.stops, parts.position(value))),
  };
}

function thin(values: readonly number[], most: number): number[] {
  const step = Math.ceil(values.length / most);
  return values.filter((_, index) => index % step === 0);
}

function clamp(share: number): number {
  return Math.min(Math.max(share, 0), 1);
}
