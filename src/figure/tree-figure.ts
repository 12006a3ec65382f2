import { scaleLinear } from 'd3';
import type { Tree } from '../protocol/artifact';
import { bottomAxis, px } from './axes';
import { dendrogramBrackets } from './dendrogram';
import { entryMark } from './entries';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { label, shape, shorten, textWidth, type Drawing } from './shape';

/** Draws a dendrogram lying on its side: leaves on the left in tree order, heights to the right. */
export function drawTree(tree: Tree, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const top = options.bare ? 12 : 44;
  const step = 22;
  const labels = Math.min(280, Math.max(40, ...tree.leaves.map((leaf) => textWidth(leaf.label))));
  const left = 16 + labels + 8;
  const width = options.width ?? left + 320 + 24;
  const bottom = top + tree.order.length * step;
  const highest = Math.max(0, ...tree.merges.map((merge) => merge.height)) || 1;
  const x = scaleLinear([0, highest], [left, width - 24]);
  const y = (position: number) => top + (position + 0.5) * step;
  return {
    width,
    height: bottom + 44,
    title: tree.title,
    shapes: [
      ...(options.bare ? [] : [label(tree.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      ...tree.order.map((leaf, position) =>
        label(shorten(tree.leaves[leaf]?.label ?? '', labels), left - 8, y(position) + 4, {
          'text-anchor': 'end',
          fill: palette.foreground,
          ...entryMark(leaf),
        }),
      ),
      ...dendrogramBrackets(tree).map((bracket) =>
        shape(
          'path',
          {
            class: 'bracket',
            d: `M${px(x(bracket.lowHeight))} ${px(y(bracket.low))}H${px(x(bracket.height))}V${px(y(bracket.high))}H${px(x(bracket.highHeight))}`,
            fill: 'none',
            stroke: palette.accent,
            'stroke-width': 1.5,
          },
          shape('title', {}, `joined at ${formatNumber(bracket.height)}`),
        ),
      ),
      bottomAxis(
        x.ticks(5).map((tick) => ({ at: x(tick), text: formatNumber(tick, 4) })),
        { left, right: width - 24, y: bottom, title: tree.unit },
        palette,
      ),
    ],
  };
}
