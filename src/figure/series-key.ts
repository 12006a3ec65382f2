import type { Series } from '../protocol/artifact';
import type { Palette } from './palette';
import { label, shape, shorten, textWidth, type Shape } from './shape';

const ROW = 18;
/** With more lines than this the key names the first ones and counts the rest; tables and tooltips name them all. */
const MOST_NAMED = 30;

/** The names of a figure's lines in rows below it. */
export interface SeriesKey {
  readonly height: number;
  shapes(left: number, top: number): readonly Shape[];
}

/** Colour of line number `index`. */
export function lineColour(palette: Palette, index: number): string {
  return palette.series[index % palette.series.length] ?? palette.accent;
}

/** Lays the key out in rows of at most `width` pixels. */
export function seriesKey(series: Series, width: number, palette: Palette): SeriesKey {
  const rows: { index: number | null; text: string; x: number }[][] = [[]];
  let x = 0;
  const place = (index: number | null, text: string) => {
    const room = textWidth(text) + 34;
    if (x > 0 && x + room > width) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ index, text, x });
    x += room;
  };
  series.lines.slice(0, MOST_NAMED).forEach((line, index) => place(index, shorten(line.name, 200)));
  const rest = series.lines.length - MOST_NAMED;
  if (rest > 0) place(null, `and ${String(rest)} more`);
  return {
    height: rows.length * ROW,
    shapes: (left, top) =>
      rows.flatMap((row, rowIndex) =>
        row.flatMap(({ index, text, x: at }) => [
          ...(index === null
            ? []
            : [swatch(left + at, top + rowIndex * ROW - 5, lineColour(palette, index))]),
          label(text, left + at + 18, top + rowIndex * ROW, { fill: palette.foreground }),
        ]),
      ),
  };
}

function swatch(x: number, y: number, fill: string): Shape {
  return shape('rect', { x, y, width: 12, height: 5, fill });
}
