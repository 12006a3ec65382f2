import { pointer } from 'd3';
import { matrixOrder, matrixValues, type MatrixOrder } from '../../src/figure/matrix-values';
import { cellOverlay, type CellOverlay } from '../../src/figure/overlay';
import { element } from '../dom';
import { drawAxes } from './axis-labels';
import { CellPainter } from './cell-painter';
import { readCell, spokenCell, type CellText } from './cell-text';
import { moveCursor, type Cell } from './cursor-keys';
import { listenToGestures } from './gestures';
import type { HeatmapOptions } from './heatmap-options';
import { LabelMeasure } from './label-measure';
import { layOut, type Layout } from './layout';
import { drawLinked, type LinkedPlaces } from './linked-places';
import { drawOutlines } from './outlines';
import {
  cellUnder,
  constrain,
  mostZoom,
  panBy,
  reveal,
  WHOLE,
  zoomAround,
  zoomAt,
  type Viewport,
} from './viewport';
import { zoomButtons } from './zoom-buttons';

/** A heatmap: cells on a canvas, everything else in SVG above it. Pointer, wheel and keyboard. */
export class Heatmap {
  readonly element: HTMLElement;
  private readonly canvas = element('canvas', { attributes: { 'aria-hidden': 'true' } });
  private readonly svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  private readonly zoomButtons: HTMLElement;
  private readonly values: Float64Array;
  private readonly overlay: CellOverlay | null;
  private readonly order: MatrixOrder;
  private readonly painter: CellPainter;
  private readonly resizing: ResizeObserver;
  private readonly labels: LabelMeasure;
  private layout: Layout | null = null;
  /** The size has changed; the old layout serves pointer and keys until the next drawing. */
  private stale = true;
  private viewport: Viewport = WHOLE;
  private hovered: Cell | null = null;
  private cursor: Cell | null = null;
  private selected: Cell | null = null;
  private linked: LinkedPlaces = { rows: [], columns: [] };
  private pending = 0;
  private telling = 0;
  private readonly relayout = () => this.redraw(true);
  constructor(private readonly options: HeatmapOptions) {
    const { matrix, colouring, palette } = options;
    this.values = matrixValues(matrix);
    this.overlay = cellOverlay(matrix);
    this.order = matrixOrder(matrix, options.order);
    const width = matrix.columns.length;
    this.painter = new CellPainter({
      values: this.values,
      width,
      order: this.order,
      colouring,
      palette,
      bars: this.overlay?.standing ?? null,
    });
    this.viewport = options.viewport ?? WHOLE;
    this.labels = new LabelMeasure(`${options.compact ? '10' : '11'}px ${palette.fontFamily}`);
    this.svg.setAttribute('aria-hidden', 'true');
    this.zoomButtons = zoomButtons((factor) => this.zoomBy(factor));
    this.element = element(
      'div',
      {
        class: options.compact ? 'heatmap compact' : 'heatmap',
        attributes: {
          role: 'application',
          tabindex: 0,
          'aria-roledescription': 'heatmap',
          'aria-label': `${matrix.title}: ${String(matrix.rows.length)} rows, ${String(width)} columns. Arrow keys read cells, Enter opens one.`,
        },
        on: {
          keydown: (event: KeyboardEvent) => this.key(event),
          focus: () => this.redraw(),
          blur: () => this.redraw(),
        },
      },
      this.canvas,
      this.svg,
      this.zoomButtons,
    );
    this.listen();
    // Its own height follows from the layout, so only a new width asks for another one.
    this.resizing = new ResizeObserver(() => this.redraw(this.layout?.width !== this.element.clientWidth));
    this.resizing.observe(this.element);
    window.addEventListener('resize', this.relayout);
  }

  /** Marks the cell whose details are open, by row and column of the matrix. */
  select(cell: { readonly row: number; readonly column: number } | null): void {
    const row = cell ? this.order.rows.indexOf(cell.row) : -1;
    const column = cell ? this.order.columns.indexOf(cell.column) : -1;
    this.selected = row < 0 || column < 0 ? null : { row, column };
    if (this.selected) this.cursor = this.selected;
    this.redraw();
  }

  /** Marks rows and columns, by those of the matrix, and the cells where they cross. */
  mark({ rows, columns }: LinkedPlaces): void {
    const positions = (order: readonly number[], wanted: readonly number[]) => {
      const chosen = new Set(wanted);
      return chosen.size === 0 ? [] : order.flatMap((index, at) => (chosen.has(index) ? [at] : []));
    };
    this.linked = {
      rows: positions(this.order.rows, rows),
      columns: positions(this.order.columns, columns),
    };
    this.redraw();
  }

  /** Lets go of observers; the element itself is the owner's to remove. */
  dispose(): void {
    this.resizing.disconnect();
    window.removeEventListener('resize', this.relayout);
    cancelAnimationFrame(this.pending);
    clearTimeout(this.telling);
  }

  /** Lays out and draws in the next frame; any number of calls before it are one. */
  redraw(relayout = false): void {
    if (relayout) this.stale = true;
    if (this.pending !== 0) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  private draw(): void {
    if (!this.element.isConnected || this.element.clientWidth === 0) return;
    const first = this.layout === null;
    const layout = this.stale || !this.layout ? this.makeLayout() : this.layout;
    this.layout = layout;
    this.stale = false;
    this.viewport = constrain(this.viewport, layout.columns, layout.rows);
    this.painter.paint(this.canvas, layout, this.viewport, window.devicePixelRatio || 1);
    drawAxes(this.svg, {
      ...this.options,
      order: this.order,
      layout,
      viewport: this.viewport,
      fit: (text, room) => this.labels.fit(text, room),
      marked: this.hovered ?? (document.activeElement === this.element ? this.cursor : null),
    });
    this.drawOutlines(layout);
    if (first) this.options.drawn(this.values.length);
  }

  private makeLayout(): Layout {
    const { matrix, compact, tree } = this.options;
    const layout = layOut({
      width: this.element.clientWidth,
      height: this.options.room(),
      rowCount: matrix.rows.length,
      columnCount: matrix.columns.length,
      rowLabel: this.labels.widest([...matrix.rows.map(({ label }) => label), matrix.rowTitle]),
      columnLabel: this.labels.widest(matrix.columns.map(({ label }) => label)),
      titles: Boolean(matrix.columnTitle) && !compact,
      compact,
      tree: tree !== null,
    });
    this.element.style.height = `${String(layout.height)}px`;
    this.canvas.style.left = `${String(layout.left)}px`;
    this.canvas.style.top = `${String(layout.top)}px`;
    this.svg.setAttribute('width', String(layout.width));
    this.svg.setAttribute('height', String(layout.height));
    this.zoomButtons.hidden = mostZoom(layout.columns, layout.rows) <= 1.05;
    return layout;
  }

  private drawOutlines(layout: Layout): void {
    const focused = document.activeElement === this.element;
    drawLinked(this.svg, layout, this.viewport, this.linked);
    drawOutlines(this.svg, layout, this.viewport, [
      { name: 'selected', cell: this.selected },
      { name: 'hovered', cell: this.hovered },
      { name: 'cursor', cell: focused ? this.cursor : null },
    ]);
  }

  private listen(): void {
    listenToGestures(this.canvas, {
      wantsWheel: () => this.isCrowded(),
      zoom: (factor, point) => {
        if (!this.layout) return;
        const { columns, rows } = this.layout;
        this.look(zoomAt(this.viewport, this.viewport.zoom * factor, point, columns, rows));
      },
      pan: (dx, dy) => {
        if (!this.layout) return;
        this.look(panBy(this.viewport, dx, dy, this.layout.columns, this.layout.rows));
      },
    });
    this.canvas.addEventListener('pointermove', (event) => this.hover(event));
    this.canvas.addEventListener('pointerleave', () => this.hover(null));
    this.canvas.addEventListener('click', (event) => {
      const cell = this.cellAt(event);
      this.element.focus({ preventScroll: true });
      if (cell) this.openCell(cell);
    });
  }

  private isCrowded(): boolean {
    return this.layout !== null && mostZoom(this.layout.columns, this.layout.rows) > 2;
  }

  private cellAt(event: MouseEvent): Cell | null {
    const layout = this.layout;
    if (!layout) return null;
    const [x, y] = pointer(event, this.canvas);
    return cellUnder(this.viewport, { x, y }, layout.columns, layout.rows);
  }

  private hover(event: PointerEvent | null): void {
    const cell = event && event.buttons === 0 ? this.cellAt(event) : null;
    if (cell?.row !== this.hovered?.row || cell?.column !== this.hovered?.column) {
      this.hovered = cell;
      this.redraw();
    }
    if (!cell || !event) {
      this.options.tooltip.hide();
      return;
    }
    const { place, facts } = this.read(cell);
    const lines = [...facts, ...this.options.context];
    this.options.tooltip.show(place.join(' · '), lines, { x: event.clientX, y: event.clientY });
  }

  private read({ row, column }: Cell): CellText {
    const { matrix, measure } = this.options;
    const [down = 0, across = 0] = [this.order.rows[row], this.order.columns[column]];
    return readCell(matrix, measure, this.values, this.overlay, down, across);
  }

  private openCell(cell: Cell): void {
    this.cursor = cell;
    this.redraw();
    this.options.open(this.order.rows[cell.row] ?? 0, this.order.columns[cell.column] ?? 0);
  }

  private key(event: KeyboardEvent): void {
    const layout = this.layout;
    if (!layout || event.altKey || event.target !== this.element) return;
    const toEnds = event.ctrlKey || event.metaKey;
    const size = { rows: layout.rows.count, columns: layout.columns.count };
    const next = moveCursor(this.cursor, event.key, toEnds, size);
    if (next) {
      this.moveTo(next);
    } else if (event.key === 'Enter' && this.cursor) {
      this.openCell(this.cursor);
    } else if (event.key === 'Escape') {
      this.options.close();
    } else if (!toEnds && (event.key === '+' || event.key === '=')) {
      this.zoomBy(1.5);
    } else if (!toEnds && event.key === '-') {
      this.zoomBy(1 / 1.5);
    } else if (!toEnds && event.key === '0') {
      this.zoomBy(0);
    } else {
      return;
    }
    event.preventDefault();
  }

  private moveTo(cell: Cell): void {
    this.cursor = cell;
    if (this.layout) this.look(reveal(this.viewport, cell, this.layout.columns, this.layout.rows));
    this.options.announce(spokenCell(this.read(cell)));
    this.redraw();
  }

  private zoomBy(factor: number): void {
    if (!this.layout) return;
    this.look(zoomAround(this.viewport, factor, this.cursor, this.layout.columns, this.layout.rows));
  }

  private look(viewport: Viewport): void {
    const { zoom, row, column } = this.viewport;
    const isSame = zoom === viewport.zoom && row === viewport.row && column === viewport.column;
    this.viewport = viewport;
    this.redraw();
    if (isSame) return;
    clearTimeout(this.telling);
    this.telling = window.setTimeout(() => this.options.moved(this.viewport), 250);
  }
}
