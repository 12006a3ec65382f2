import { select } from 'd3';
import type { Layout } from './layout';
import { cellSize, plotSize, type Viewport } from './viewport';

/** Positions of rows and columns that stand for what was selected elsewhere. */
export interface LinkedPlaces {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

interface Band {
  readonly kind: 'row' | 'column' | 'cell';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

// More would cover the figure instead of marking something in it.
const MOST_BANDS = 64;

/** Draws a frame around each run of linked rows or columns, or around the cells where both cross. */
export function drawLinked(
  svg: SVGSVGElement,
  layout: Layout,
  viewport: Viewport,
  linked: LinkedPlaces,
): void {
  const root = select(svg);
  const existing = root.select<SVGGElement>('g.linked');
  const group = existing.empty() ? root.append('g').attr('class', 'linked') : existing;
  group
    .raise()
    .selectAll('rect')
    .data(bandsOf(layout, viewport, linked))
    .join('rect')
    .attr('class', ({ kind }) => kind)
    .attr('x', ({ x }) => x)
    .attr('y', ({ y }) => y)
    .attr('width', ({ width }) => width)
    .attr('height', ({ height }) => height);
}

function bandsOf(layout: Layout, viewport: Viewport, { rows, columns }: LinkedPlaces): Band[] {
  const down = runs(rows).flatMap((run) => {
    const size = cellSize(layout.rows, viewport.zoom);
    return clip(run, viewport.row, size, plotSize(layout.rows, viewport.zoom), layout.top);
  });
  const across = runs(columns).flatMap((run) => {
    const size = cellSize(layout.columns, viewport.zoom);
    return clip(run, viewport.column, size, plotSize(layout.columns, viewport.zoom), layout.left);
  });
  const width = plotSize(layout.columns, viewport.zoom);
  const height = plotSize(layout.rows, viewport.zoom);
  const bands: Band[] = [
    ...down.map(({ from, size }) => ({ kind: 'row' as const, x: layout.left, y: from, width, height: size })),
    ...across.map(({ from, size }) => ({
      kind: 'column' as const,
      x: from,
      y: layout.top,
      width: size,
      height,
    })),
    ...down.flatMap((row) =>
      across.map((column) => ({
        kind: 'cell' as const,
        x: column.from,
        y: row.from,
        width: column.size,
        height: row.size,
      })),
    ),
  ];
  return bands.length > MOST_BANDS ? bands.slice(0, MOST_BANDS) : bands;
}

/** Neighbouring positions as one: first position and how many. */
function runs(positions: readonly number[]): { readonly first: number; readonly count: number }[] {
  const found: { first: number; count: number }[] = [];
  for (const position of positions) {
    const last = found.at(-1);
    if (last && position === last.first + last.count) last.count += 1;
    else found.push({ first: position, count: 1 });
  }
  return found;
}

/** The part of a run inside the plot, in pixels, never thinner than an eye can see; none where it lies outside. */
function clip(
  run: { readonly first: number; readonly count: number },
  at: number,
  size: number,
  room: number,
  origin: number,
): { readonly from: number; readonly size: number }[] {
  const start = Math.max(0, (run.first - at) * size);
  const end = Math.min(room, (run.first + run.count - at) * size);
  return end <= 0 || start >= room ? [] : [{ from: origin + start, size: Math.max(3, end - start) }];
}
