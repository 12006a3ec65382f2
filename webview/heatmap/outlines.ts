import { select } from 'd3';
import type { Cell } from './cursor-keys';
import type { Layout } from './layout';
import { cellSize, plotSize, type Viewport } from './viewport';

/** A cell that stands out, and the class of its outline. */
export interface Mark {
  readonly name: string;
  readonly cell: Cell | null;
}

/** Draws outlines above everything else in the SVG layer; those of cells outside the plot are hidden. */
export function drawOutlines(
  svg: SVGSVGElement,
  layout: Layout,
  viewport: Viewport,
  marks: readonly Mark[],
): void {
  const width = cellSize(layout.columns, viewport.zoom);
  const height = cellSize(layout.rows, viewport.zoom);
  const right = layout.left + plotSize(layout.columns, viewport.zoom);
  const bottom = layout.top + plotSize(layout.rows, viewport.zoom);
  const boxes = marks.flatMap(({ name, cell }) => {
    if (!cell) return [];
    const x = layout.left + (cell.column - viewport.column) * width;
    const y = layout.top + (cell.row - viewport.row) * height;
    const [middleX, middleY] = [x + width / 2, y + height / 2];
    const isInside = middleX >= layout.left && middleX <= right && middleY >= layout.top && middleY <= bottom;
    return isInside ? [{ name, x, y }] : [];
  });
  const root = select(svg);
  const existing = root.select<SVGGElement>('g.outlines');
  const group = existing.empty() ? root.append('g').attr('class', 'outlines') : existing;
  group
    .raise()
    .selectAll('rect')
    .data(boxes)
    .join('rect')
    .attr('class', ({ name }) => name)
    .attr('x', ({ x }) => x - 1)
    .attr('y', ({ y }) => y - 1)
    .attr('width', Math.max(3, width))
    .attr('height', Math.max(3, height));
}
