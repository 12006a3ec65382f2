import { scalePoint } from 'd3';
import type { Graph } from '../protocol/artifact';
import type { FigureOptions } from './figure-options';
import { formatNumber } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { label, shape, type Drawing } from './shape';

/** Draws nodes in columns and an arc for each edge, the stronger the darker; groups of edges by colour. */
export function drawGraph(graph: Graph, options: FigureOptions = {}): Drawing {
  const palette = options.palette ?? LIGHT_PALETTE;
  const columns = 1 + Math.max(0, ...graph.nodes.map((node) => node.column));
  const rows = 1 + Math.max(0, ...graph.nodes.map((node) => node.row));
  const { width = Math.max(480, 90 * columns), height = Math.max(200, 26 * rows + 90) } = options;
  const top = options.bare ? 34 : 64;
  const x = scalePoint(span(columns), [60, width - 40]).padding(0.3);
  const y = scalePoint(span(rows), [top, height - 40]).padding(0.3);
  const at = (index: number) => {
    const node = graph.nodes[index];
    return { x: x(node?.column ?? 0) ?? 0, y: y(node?.row ?? 0) ?? 0, name: node?.entry.label ?? '' };
  };
  const groups = [...new Set(graph.edges.map(({ group }) => group ?? ''))];
  const strongest = Math.max(1e-300, ...graph.edges.map(({ weight }) => Math.abs(weight)));
  const edges = graph.edges.map(({ from, to, weight, group }) => {
    const start = at(from);
    const end = at(to);
    const middle = (start.x + end.x) / 2;
    const strength = Math.abs(weight) / strongest;
    const text = `${start.name} → ${end.name}${group ? `, ${group}` : ''}: ${formatNumber(weight)}`;
    return shape(
      'path',
      {
        class: 'edge',
        d: `M${start.x},${start.y} C${middle},${start.y} ${middle},${end.y} ${end.x},${end.y}`,
        fill: 'none',
        stroke: palette.series[groups.indexOf(group ?? '') % palette.series.length] ?? palette.accent,
        'stroke-width': 0.75 + 2.25 * strength,
        'stroke-opacity': 0.2 + 0.8 * strength,
      },
      shape('title', {}, text),
    );
  });
  const nodes = graph.nodes.map(({ entry }, index) => {
    const place = at(index);
    return shape(
      'circle',
      { class: 'node', cx: place.x, cy: place.y, r: 5, fill: palette.accent },
      shape('title', {}, entry.label),
    );
  });
  return {
    width,
    height,
    title: graph.title,
    shapes: [
      ...(options.bare ? [] : [label(graph.title, 16, 26, { 'font-size': 15, 'font-weight': 600 })]),
      ...edges,
      ...nodes,
      ...span(columns).map((column) => label(String(column), (x(column) ?? 0) - 4, height - 22)),
      label(graph.columnTitle, width / 2, height - 6, { fill: palette.muted }),
    ],
  };
}

function span(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
