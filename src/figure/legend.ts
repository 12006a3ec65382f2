import type { Colouring } from './colouring';
import { rampColour } from './colour-ramps';
import { label, shape, textWidth, type Drawing, type Shape } from './shape';
import type { Palette } from './palette';
import { px, thinTicks } from './axes';

const BAR = { height: 10, steps: 64 };
const SWATCH = 12;

/**
 * The colour scale: a bar with ticks, the unit, and a hatched swatch for undefined cells. Drawn at 0,0 with the given width; 44
 * pixels high.
 */
export function legendDrawing(
  colouring: Colouring,
  unit: string,
  palette: Palette,
  options: { readonly width?: number; readonly undefinedCells?: boolean } = {},
): Drawing {
  const width = options.width ?? 300;
  const swatch = options.undefinedCells ?? true;
  const barWidth = Math.max(80, width - (swatch ? 96 : 16));
  const title = `${unit}${colouring.logarithmic ? ' (log scale)' : ''}`;
  const shapes = [
    label(title, 0, 10, { fill: palette.muted }),
    ...(colouring.scale === 'categorical'
      ? categories(colouring, barWidth, palette)
      : bar(colouring, barWidth, palette)),
    ...(swatch ? undefinedSwatch(barWidth + 16, palette) : []),
  ];
  return { width, height: 44, title: `Colour scale: ${title}`, shapes };
}

function bar(colouring: Colouring, width: number, palette: Palette): Shape[] {
  const step = width / BAR.steps;
  const colours = Array.from({ length: BAR.steps }, (_, index) =>
    shape('rect', {
      x: index * step,
      y: 16,
      // A sliver of overlap hides the seams that antialiasing would leave.
      width: index === BAR.steps - 1 ? step : step + 0.6,
      height: BAR.height,
      fill: rampColour(colouring.stops, index / (BAR.steps - 1)),
    }),
  );
  const placed = colouring.ticks.map((tick) => {
    const mark = colouring.position(tick.value) * width;
    const room = textWidth(tick.text, 10) / 2;
    // Texts at the ends move inwards, their marks stay.
    return { at: Math.min(Math.max(mark, room), width - room), mark, text: tick.text };
  });
  const shown = thinTicks(placed, (tick) => textWidth(tick.text, 10), 4);
  const frame = shape('rect', { x: 0, y: 16, width, height: BAR.height, fill: 'none', stroke: palette.line });
  const ticks = shown.flatMap(({ at, mark, text }) => [
    shape('path', { d: `M${px(mark)} 26v4`, stroke: palette.muted }),
    label(text, at, 40, { 'text-anchor': 'middle', 'font-size': 10, fill: palette.foreground }),
  ]);
  return [...colours, frame, ...ticks];
}

function categories(colouring: Colouring, width: number, palette: Palette): Shape[] {
  const step = Math.min(40, width / Math.max(1, colouring.ticks.length));
  return colouring.ticks.flatMap((tick, index) => [
    shape('rect', {
      x: index * step,
      y: 16,
      width: 12,
      height: 12,
      fill: colouring.colour(tick.value) ?? 'none',
    }),
    label(tick.text, index * step, 40, { 'font-size': 10, fill: palette.foreground }),
  ]);
}

function undefinedSwatch(x: number, palette: Palette): Shape[] {
  const frame = { x, y: 15, width: SWATCH, height: SWATCH };
  return [
    shape('rect', { ...frame, fill: palette.background }),
    shape('path', { d: hatching(x, 15, SWATCH, SWATCH), stroke: palette.undefinedCell, fill: 'none' }),
    shape('rect', { ...frame, fill: 'none', stroke: palette.undefinedCell, 'stroke-width': 0.75 }),
    label('undefined', x + SWATCH + 5, 25, { 'font-size': 10, fill: palette.muted }),
  ];
}

/** Path data of diagonal lines that fill a rectangle: what undefined cells wear everywhere. */
export function hatching(x: number, y: number, width: number, height: number, spacing = 4): string {
  const parts: string[] = [];
  for (let offset = spacing; offset < width + height; offset += spacing) {
    const fromX = Math.max(0, offset - height);
    const fromY = Math.min(offset, height);
    const toX = Math.min(offset, width);
    const toY = Math.max(0, offset - width);
    parts.push(`M${px(x + fromX)} ${px(y + fromY)}L${px(x + toX)} ${px(y + toY)}`);
  }
  return parts.join('');
}
