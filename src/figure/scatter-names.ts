import type { Palette } from './palette';
import { px } from './axes';
import { LABEL_HEIGHT, placeLabels, type Box, type LabelPlace } from './label-places';
import { label, shape, shorten, textWidth, type Shape } from './shape';

/** A mark with the name that belongs to it. */
export interface NamedMark {
  readonly x: number;
  readonly y: number;
  readonly name: string;
}

/** The names of a figure's marks: those in the plot, and a list below it for marks that have a number instead. */
export interface MarkNames {
  readonly shapes: readonly Shape[];
  /** Height of the list; 0 without one. */
  readonly listHeight: number;
  list(top: number): readonly Shape[];
}

const SIZE = 10;
const NAME_WIDTH = 150;
/** A name, or a number, stands at most so far from its mark. */
const REACH = { name: 120, number: 90 };
/** Names that would cover more than this share of the plot are a wall of text: numbers are read better. */
const MOST_COVERED = 0.2;
const ROW = 14;
/** Marks nearer than this are one to the eye. */
const SAME_PLACE = 3;
/** How near marks must be to share a number, tried until every number finds a place. */
const NEIGHBOURHOODS = [SAME_PLACE, 6, 9, 12, 15, 20, 27, 36, 48, 64];

/** One or more marks that share a name or number, and where the first of them is. */
interface Spot {
  readonly x: number;
  readonly y: number;
  readonly names: readonly string[];
}

/**
 * Names every mark without covering another name or mark: beside it or with a leader line, or, where names are too many or
 * find no place, with a number that is told below the plot. Marks at the same place share one name or number; so do neighbours
 * where numbers, too, find no place.
 */
export function nameMarks(marks: readonly NamedMark[], bounds: Box, palette: Palette): MarkNames {
  const spots = spotsOf(marks, SAME_PLACE);
  const texts = spots.map(({ names }) => shorten(names.join(', '), NAME_WIDTH, SIZE));
  const area = (bounds.right - bounds.left) * (bounds.bottom - bounds.top);
  const covered = texts.reduce((sum, text) => sum + textWidth(text, SIZE) * LABEL_HEIGHT, 0);
  if (covered > MOST_COVERED * area || spots.some(({ names }) => names.length > 2)) {
    return numberMarks(marks, bounds, palette);
  }
  const places = placesOf(spots, texts, marks, bounds, REACH.name);
  if (places.includes(null)) return numberMarks(marks, bounds, palette);
  return { shapes: textShapes(spots, texts, places, palette), listHeight: 0, list: () => [] };
}

function numberMarks(marks: readonly NamedMark[], bounds: Box, palette: Palette): MarkNames {
  for (const distance of NEIGHBOURHOODS) {
    const spots = spotsOf(marks, distance);
    const numbers = spots.map((_, index) => String(index + 1));
    const places = placesOf(spots, numbers, marks, bounds, REACH.number);
    if (places.includes(null) && distance !== NEIGHBOURHOODS.at(-1)) continue;
    const columns = listOf(spots, bounds, distance > SAME_PLACE);
    return {
      shapes: textShapes(spots, numbers, places, palette),
      listHeight: columns.height,
      list: (top) => columns.shapes(top, palette),
    };
  }
  return { shapes: [], listHeight: 0, list: () => [] };
}

function placesOf(
  spots: readonly Spot[],
  texts: readonly string[],
  obstacles: readonly NamedMark[],
  bounds: Box,
  reach: number,
): readonly (LabelPlace | null)[] {
  const wanted = spots.map(({ x, y }, index) => ({ x, y, width: textWidth(texts[index] ?? '', SIZE) }));
  return placeLabels(wanted, obstacles, bounds, reach);
}

function spotsOf(marks: readonly NamedMark[], distance: number): Spot[] {
  const spots: { x: number; y: number; names: string[] }[] = [];
  for (const { x, y, name } of marks) {
    const same = spots.find((spot) => Math.hypot(spot.x - x, spot.y - y) < distance);
    if (same) same.names.push(name);
    else spots.push({ x, y, names: [name] });
  }
  return spots;
}

function textShapes(
  spots: readonly Spot[],
  texts: readonly string[],
  places: readonly (LabelPlace | null)[],
  palette: Palette,
): Shape[] {
  return spots.flatMap(({ x, y, names }, index): Shape[] => {
    const place = places[index];
    if (!place) return [];
    const { box, leader } = place;
    const line = leader
      ? [
          shape('path', {
            class: 'leader',
            d: `M${px(x)} ${px(y)}L${px(leader.x)} ${px(leader.y)}`,
            stroke: palette.muted,
            'stroke-width': 0.75,
            fill: 'none',
          }),
        ]
      : [];
    const text = label(texts[index] ?? '', (box.left + box.right) / 2, box.bottom - 2.5, {
      class: 'name',
      'font-size': SIZE,
      'text-anchor': 'middle',
      fill: palette.foreground,
    });
    return [...line, { ...text, children: [...text.children, shape('title', {}, names.join(', '))] }];
  });
}

/** Numbers with their names in columns, read downwards; `sharing`: neighbours have one number, which is said above. */
function listOf(
  spots: readonly Spot[],
  bounds: Box,
  sharing: boolean,
): { readonly height: number; shapes(top: number, palette: Palette): Shape[] } {
  const numberWidth = textWidth(String(spots.length), SIZE) + 8;
  const width = bounds.right - bounds.left;
  const rows = spots.flatMap(({ names }, index) =>
    // Names that share a number have a row each, the number stands at the first.
    names.map((name, at) => ({ number: at === 0 ? String(index + 1) : '', name })),
  );
  const longest = Math.max(40, ...rows.map(({ name }) => textWidth(name, SIZE)));
  const columns = Math.max(1, Math.floor(width / (numberWidth + Math.min(longest, width / 2) + 16)));
  const heading = sharing ? ROW + 4 : 0;
  const perColumn = Math.ceil(rows.length / columns);
  const columnWidth = width / columns;
  const room = columnWidth - numberWidth - 12;
  return {
    height: perColumn * ROW + heading + 8,
    shapes: (top, palette) => [
      ...(sharing
        ? [
            label('Marks close to each other share a number.', bounds.left, top + ROW, {
              fill: palette.muted,
            }),
          ]
        : []),
      ...rows.flatMap(({ number, name }, index) => {
        const x = bounds.left + Math.floor(index / perColumn) * columnWidth;
        const y = top + heading + (index % perColumn) * ROW + ROW;
        return [
          label(number, x + numberWidth - 6, y, {
            'font-size': SIZE,
            'text-anchor': 'end',
            fill: palette.muted,
          }),
          label(shorten(name, room, SIZE), x + numberWidth, y, {
            class: 'listed',
            'font-size': SIZE,
            fill: palette.foreground,
          }),
        ];
      }),
    ],
  };
}
