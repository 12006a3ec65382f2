import { scalePoint } from 'd3';
import type { Graph } from '../protocol/artifact';
import { px, thinTicks } from './axes';
import { entryMark } from './entries';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE, type Palette } from './palette';
import { lineColour } from './series-key';
import { label, shape, textWidth, type Drawing, type Shape } from './shape';

/** More edges than this cover each other and nothing can be read; tables have them all. */
const MOST_EDGES = 400;

/**
 * Draws nodes in columns from left to right and an arc for each edge, the stronger the wider and the more opaque; groups
 * of edges by colour. The weakest edges beyond the {@link MOST_EDGES} strongest are left out, and counted below.
 */
export function drawGraph(graph: Graph, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const columns = 1 + graph.nodes.reduce((most, node) => Math.max(most, node.column), 0);
  const rows = 1 + graph.nodes.reduce((most, node) => Math.max(most, node.row), 0);
  const { width = Math.max(560, Math.min(1600, 70 * columns)) } = options;
  const { height = Math.max(240, 22 * rows + 120) } = options;
  const top = options.bare ? 16 : 48;
  const x = scalePoint(span(columns), [64, width - 24]).padding(0.3);
  const y = scalePoint(span(rows), [top, height - 76]).padding(0.3);
  const places = graph.nodes.map(({ entry, column, row }) => ({
    x: x(column) ?? 0,
    y: y(row) ?? 0,
    name: entry.label,
  }));
  const groups = [...new Set(graph.edges.map(({ group }) => group ?? ''))];
  const drawn = [...graph.edges].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, MOST_EDGES);
  const left = graph.edges.length - drawn.length;
  return {
    width,
    height,
    title: graph.title,
    shapes: [
      ...(options.bare ? [] : [label(graph.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      ...arcs(drawn.reverse(), places, groups, palette),
      ...graph.nodes.map(({ entry }, index) => {
        const { x: cx, y: cy } = places[index] ?? { x: 0, y: 0 };
        const mark = { class: 'node', cx, cy, r: 5, fill: palette.foreground, ...entryMark(index) };
        return shape('circle', mark, shape('title', {}, entry.label));
      }),
      ...axisNames(graph, { x, y, columns, rows, bottom: height - 58 }, palette),
      ...key(groups, { y: height - 14, unit: graph.unit, left }, palette),
    ],
  };
}

function arcs(
  edges: Graph['edges'],
  places: readonly { x: number; y: number; name: string }[],
  groups: readonly string[],
  palette: Palette,
): Shape[] {
  const strongest = edges.reduce((most, { weight }) => Math.max(most, Math.abs(weight)), 0) || 1;
  return edges.flatMap(({ from, to, weight, group }) => {
    const [start, end] = [places[from], places[to]];
    if (!start || !end) return [];
    const middle = (start.x + end.x) / 2;
    const strength = Math.abs(weight) / strongest;
    const text = `${start.name} → ${end.name}${group ? `, ${group}` : ''}: ${formatNumber(weight)}`;
    const path = `M${px(start.x)} ${px(start.y)}C${px(middle)} ${px(start.y)} ${px(middle)} ${px(end.y)} ${px(end.x)} ${px(end.y)}`;
    return [
      shape(
        'path',
        {
          class: 'edge',
          d: path,
          fill: 'none',
          stroke: lineColour(palette, groups.indexOf(group ?? '')),
          'stroke-width': 0.75 + 2.5 * strength,
          'stroke-opacity': 0.25 + 0.65 * strength,
          'data-from': from,
          'data-to': to,
        },
        shape('title', {}, text),
      ),
    ];
  });
}

function axisNames(
  graph: Graph,
  place: {
    x: (column: number) => number | undefined;
    y: (row: number) => number | undefined;
    columns: number;
    rows: number;
    bottom: number;
  },
  palette: Palette,
): Shape[] {
  const across = span(place.columns).map((column) => ({ at: place.x(column) ?? 0, text: String(column) }));
  const down = span(place.rows).map((row) => ({ at: place.y(row) ?? 0, text: String(row) }));
  const middle = ((across[0]?.at ?? 0) + (across.at(-1)?.at ?? 0)) / 2;
  return [
    ...thinTicks(across, (tick) => textWidth(tick.text, 10)).map((tick) =>
      label(tick.text, tick.at, place.bottom, {
        'text-anchor': 'middle',
        'font-size': 10,
        fill: palette.foreground,
      }),
    ),
    ...thinTicks(down, () => 11, 2).map((tick) =>
      label(tick.text, 40, tick.at + 3.5, {
        'text-anchor': 'end',
        'font-size': 10,
        fill: palette.foreground,
      }),
    ),
    label(graph.columnTitle, middle, place.bottom + 18, { 'text-anchor': 'middle', fill: palette.muted }),
    label(graph.rowTitle, 8, Math.max(12, (down[0]?.at ?? 24) - 14), { fill: palette.muted }),
  ];
}

function key(
  groups: readonly string[],
  { y, unit, left }: { y: number; unit: string; left: number },
  palette: Palette,
): Shape[] {
  let x = 64;
  const shapes: Shape[] = [];
  groups.forEach((group, index) => {
    if (group === '') return;
    shapes.push(shape('rect', { x, y: y - 5, width: 12, height: 4, fill: lineColour(palette, index) }));
    shapes.push(label(group, x + 18, y, { fill: palette.foreground }));
    x += textWidth(group) + 40;
  });
  const rest = left > 0 ? ` · ${String(left)} weaker ones not drawn` : '';
  return [...shapes, label(`width: ${unit}${rest}`, x, y, { fill: palette.muted })];
}

function span(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
