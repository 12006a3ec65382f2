import type { Scatter } from '../protocol/artifact';
import { px } from './axes';
import type { Palette } from './palette';
import { lineColour } from './series-key';
import { label, shape, textWidth, type Shape } from './shape';

/** What the marks of a scatter's groups are, in a row below it. */
export interface GroupKey {
  /** 0 where the groups have no names. */
  readonly height: number;
  shapes(left: number, top: number): readonly Shape[];
}

const HEIGHT = 18;

/** The key of the groups that have points, with how many these are. */
export function groupKey({ groups = [], groupNames = [] }: Scatter, palette: Palette): GroupKey {
  let x = 0;
  const entries = groupNames.flatMap((name, group) => {
    const count = groups.filter((each) => each === group).length;
    if (count === 0) return [];
    const text = `${name} (${String(count)})`;
    const at = x;
    x += textWidth(text) + 30;
    return [{ group, text, at }];
  });
  return {
    height: entries.length > 0 ? HEIGHT : 0,
    shapes: (left, top) =>
      entries.flatMap(({ group, text, at }) => [
        shape('path', { d: markPath(group, left + at + 4, top), fill: lineColour(palette, group) }),
        label(text, left + at + 14, top + 4, { fill: palette.foreground }),
      ]),
  };
}

/** The mark of a group: circle, square, triangle, diamond in turn. */
export function markPath(group: number, x: number, y: number): string {
  const r = 4;
  const at = `${px(x)} ${px(y)}`;
  switch (group % 4) {
    case 0:
      return `M${px(x - r)} ${px(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    case 1:
      return `M${at}m-3.5 -3.5h7v7h-7Z`;
    case 2:
      return `M${at}m0 -5l4.5 8h-9Z`;
    default:
      return `M${at}m0 -5l5 5l-5 5l-5 -5Z`;
  }
}
