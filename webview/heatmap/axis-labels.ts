import { select, type Selection } from 'd3';
import { dendrogramBrackets } from '../../src/figure/dendrogram';
import type { MatrixOrder } from '../../src/figure/matrix-values';
import type { Palette } from '../../src/figure/palette';
import type { AxisEntry, Matrix, Tree } from '../../src/protocol/artifact';
import type { Cell } from './cursor-keys';
import { ROW_SPACING, SLANTED_SPACING, type Layout } from './layout';
import { cellSize, labelled, plotSize, visibleSpan, type Viewport } from './viewport';

/** What the axes of a heatmap are drawn from. */
export interface AxesInput {
  readonly matrix: Matrix;
  readonly order: MatrixOrder;
  readonly layout: Layout;
  readonly viewport: Viewport;
  readonly palette: Palette;
  readonly fit: (text: string, room: number) => string;
  /** The cell under the pointer or cursor: its labels stand out. */
  readonly marked: Cell | null;
  readonly tree: Tree | null;
  /** Small: no axis titles. */
  readonly compact: boolean;
}

interface Label {
  readonly index: number;
  readonly full: string;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly marked: boolean;
}

/** Draws axis labels, axis titles and the dendrogram into the SVG layer of a heatmap; only what is on screen. */
export function drawAxes(svg: SVGSVGElement, input: AxesInput): void {
  const root = select(svg);
  drawLabels(group(root, 'row-labels'), rowLabels(input), 'end', 0);
  const { slanted } = input.layout;
  drawLabels(
    group(root, 'column-labels'),
    columnLabels(input),
    slanted ? 'start' : 'middle',
    slanted ? -45 : 0,
  );
  drawTitles(group(root, 'axis-titles'), input);
  drawTree(group(root, 'dendrogram'), input);
}

type Group = Selection<SVGGElement, unknown, null, undefined>;

function group(root: Selection<SVGSVGElement, unknown, null, undefined>, name: string): Group {
  const existing = root.select<SVGGElement>(`g.${name}`);
  return existing.empty() ? root.append('g').attr('class', name) : existing;
}

function rowLabels({ matrix, order, layout, viewport, fit, marked }: AxesInput): Label[] {
  const size = cellSize(layout.rows, viewport.zoom);
  const [first, end] = visibleSpan(viewport.row, layout.rows, viewport.zoom);
  return withMarked(labelled(first, end, size, ROW_SPACING), marked?.row, ROW_SPACING / size, first, end).map(
    (index) => {
      const full = labelOf(matrix.rows, order.rows[index]);
      const y = layout.top + (index + 0.5 - viewport.row) * size;
      return {
        index,
        full,
        text: fit(full, layout.rowLabelRoom),
        x: layout.left - 8,
        y,
        marked: index === marked?.row,
      };
    },
  );
}

function columnLabels({ matrix, order, layout, viewport, fit, marked }: AxesInput): Label[] {
  const size = cellSize(layout.columns, viewport.zoom);
  const [first, end] = visibleSpan(viewport.column, layout.columns, viewport.zoom);
  const spacing = layout.slanted ? SLANTED_SPACING : 0;
  return withMarked(labelled(first, end, size, spacing), marked?.column, spacing / size, first, end).map(
    (index) => {
      const full = labelOf(matrix.columns, order.columns[index]);
      const x = layout.left + (index + 0.5 - viewport.column) * size;
      const text = fit(full, layout.columnLabelRoom);
      return { index, full, text, x, y: layout.top - 9, marked: index === marked?.column };
    },
  );
}

/** The marked index is always labelled; others that it would touch make room. */
function withMarked(
  indices: readonly number[],
  marked: number | undefined,
  spacing: number,
  first: number,
  end: number,
): number[] {
  if (marked === undefined || marked < first || marked >= end) return [...indices];
  return [...indices.filter((index) => Math.abs(index - marked) >= spacing && index !== marked), marked];
}

function drawLabels(parent: Group, labels: readonly Label[], anchor: string, turn: number): void {
  parent
    .selectAll<SVGTextElement, Label>('text')
    .data(labels, (label) => label.index)
    .join((enter) => {
      const text = enter.append('text').attr('text-anchor', anchor);
      text.append('tspan');
      text.append('title');
      return text;
    })
    .attr('text-anchor', anchor)
    .attr('class', (label) => (label.marked ? 'marked' : null))
    .attr(
      'transform',
      (label) => `translate(${String(label.x)} ${String(label.y)})${turn ? ` rotate(${String(turn)})` : ''}`,
    )
    .attr('dy', turn ? '0.2em' : '0.35em')
    .each(function (label) {
      const [span, title] = [this.firstElementChild, this.lastElementChild];
      if (span && span.textContent !== label.text) span.textContent = label.text;
      if (title && title.textContent !== label.full) title.textContent = label.full;
    });
}

function drawTitles(parent: Group, { matrix, layout, compact }: AxesInput): void {
  const titles = (
    compact
      ? []
      : [
          { text: matrix.columnTitle, x: layout.left, y: 12, anchor: 'start' },
          { text: matrix.rowTitle, x: layout.left - 8, y: layout.top - 9, anchor: 'end' },
        ]
  ).filter((title) => title.text);
  parent
    .selectAll('text')
    .data(titles)
    .join('text')
    .attr('class', 'axis-title')
    .attr('x', (title) => title.x)
    .attr('y', (title) => title.y)
    .attr('text-anchor', (title) => title.anchor)
    .text((title) => title.text);
}

function drawTree(parent: Group, { tree, layout, viewport, palette }: AxesInput): void {
  const size = cellSize(layout.rows, viewport.zoom);
  const left = layout.left + plotSize(layout.columns, viewport.zoom) + 8;
  const brackets = tree && layout.treeWidth > 0 ? dendrogramBrackets(tree) : [];
  const highest = Math.max(1e-300, ...brackets.map((bracket) => bracket.height));
  const x = (height: number) => left + (height / highest) * (layout.treeWidth - 16);
  const top = layout.top;
  const bottom = top + plotSize(layout.rows, viewport.zoom);
  const y = (position: number) =>
    Math.min(Math.max(top + (position + 0.5 - viewport.row) * size, top), bottom);
  parent
    .selectAll('path')
    .data(brackets)
    .join('path')
    .attr('fill', 'none')
    .attr('stroke', palette.muted)
    .attr('stroke-width', 1.25)
    .attr('d', ({ low, high, lowHeight, highHeight, height }) => {
      const arms = [x(lowHeight), y(low), x(height), y(high), x(highHeight)].map((at) => at.toFixed(1));
      return `M${String(arms[0])} ${String(arms[1])}H${String(arms[2])}V${String(arms[3])}H${String(arms[4])}`;
    });
}

function labelOf(entries: readonly AxisEntry[], index: number | undefined): string {
  return index === undefined ? '' : (entries[index]?.label ?? '');
}
