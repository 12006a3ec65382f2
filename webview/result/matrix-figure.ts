import { createColouring, type Colouring } from '../../src/figure/colouring';
import { legendDrawing } from '../../src/figure/legend';
import { matrixValues, sharedDomain, valueRange } from '../../src/figure/matrix-values';
import { drawingToShape } from '../../src/figure/svg';
import type { Matrix } from '../../src/protocol/artifact';
import { element, mountShape } from '../dom';
import { Heatmap } from '../heatmap/heatmap';
import type { Tooltip } from '../heatmap/tooltip';
import { themePalette } from '../theme';
import type { Shown } from './shown';

/** A cell of one of the matrices on screen. */
export interface ChosenCell {
  readonly matrix: Matrix;
  readonly row: number;
  readonly column: number;
}

export interface MatrixFigureOptions {
  readonly shown: Shown;
  readonly selected: ChosenCell | null;
  readonly tooltip: Tooltip;
  readonly announce: (text: string) => void;
  readonly open: (cell: ChosenCell) => void;
  readonly close: () => void;
  readonly drawn: (cells: number) => void;
}

export interface MatrixFigure {
  readonly element: HTMLElement;
  select(cell: ChosenCell | null): void;
  /** Moves the keyboard's focus to the heatmap (the first one, or that of the selected cell). */
  focus(): void;
  dispose(): void;
}

/** The matrix, or several side by side over one colour domain, with legend and notes. */
export function createMatrixFigure(options: MatrixFigureOptions): MatrixFigure {
  const { shown } = options;
  const palette = themePalette();
  const values = shown.matrices.map(matrixValues);
  const range = valueRange(values);
  const colouring = createColouring({
    scale: shown.matrix?.scale ?? 'sequential',
    domain: sharedDomain(shown.matrices),
    range,
    logarithmic: shown.logarithmic,
    palette,
  });
  const anyUndefined = values.some((part) => part.some((value) => Number.isNaN(value)));
  const unit = shown.matrix?.unit ?? '';
  const legend = element('div', { class: 'legend' });
  legend.append(
    mountShape(
      drawingToShape(
        legendDrawing(colouring, unit, palette, { undefinedCells: anyUndefined }),
        palette,
        false,
      ),
    ),
  );
  if (colouring.note) legend.append(element('p', { class: 'muted', text: colouring.note }));
  let waiting = shown.matrices.length;
  let cells = 0;
  const maps = shown.matrices.map((matrix) => ({
    matrix,
    map: makeHeatmap(matrix, colouring, options, (count) => {
      cells += count;
      waiting -= 1;
      if (waiting === 0) options.drawn(cells);
    }),
  }));
  const select = (cell: ChosenCell | null) => {
    for (const { matrix, map } of maps) map.select(cell && cell.matrix === matrix ? cell : null);
  };
  select(options.selected);
  return {
    element: assemble(shown, maps, legend),
    select,
    focus: () =>
      (maps.find(({ matrix }) => matrix === options.selected?.matrix) ?? maps[0])?.map.element.focus(),
    dispose: () => {
      options.tooltip.hide();
      for (const { map } of maps) map.dispose();
    },
  };
}

function assemble(
  shown: Shown,
  maps: readonly { readonly matrix: Matrix; readonly map: Heatmap }[],
  legend: HTMLElement,
): HTMLElement {
  const captions = [...new Set(shown.matrices.map((matrix) => matrix.caption).filter(Boolean))];
  const caption = captions.map((text) => element('p', { class: 'muted caption', text }));
  if (!shown.sideBySide) {
    const title = element('h3', { text: shown.matrix?.title ?? '' });
    return element(
      'section',
      { class: 'artifact matrix' },
      title,
      ...maps.map(({ map }) => map.element),
      legend,
      ...caption,
    );
  }
  const grid = element('div', { class: 'side-by-side' });
  for (const { matrix, map } of maps) {
    grid.append(
      element(
        'figure',
        {},
        element('figcaption', { text: matrix.facets?.['task'] ?? matrix.title }),
        map.element,
      ),
    );
  }
  const title = element('h3', {
    text: `${capitalised(shown.measure)} · ${String(maps.length)} tasks side by side`,
  });
  return element('section', { class: 'artifact matrix' }, title, legend, grid, ...caption);
}

function makeHeatmap(
  matrix: Matrix,
  colouring: Colouring,
  options: MatrixFigureOptions,
  drawn: (cells: number) => void,
): Heatmap {
  const { shown } = options;
  const map: Heatmap = new Heatmap({
    matrix,
    colouring,
    palette: themePalette(),
    order: shown.order,
    tree: shown.tree,
    measure: shown.measure,
    context: contextOf(matrix, shown),
    compact: shown.sideBySide,
    // What the window leaves below the heatmap's place, less legend and caption; never less than is useful.
    room: () => (shown.sideBySide ? 340 : Math.max(320, window.innerHeight - topOf(map.element) - 120)),
    tooltip: options.tooltip,
    announce: options.announce,
    open: (row, column) => options.open({ matrix, row, column }),
    close: options.close,
    drawn,
  });
  return map;
}

/** Facets of a matrix that vary inside the result, by readable name; its metric is the name of the number itself. */
function contextOf(matrix: Matrix, shown: Shown): (readonly [string, string])[] {
  return shown.switches.flatMap(({ name, values, titles }) => {
    const value = matrix.facets?.[name];
    return name === 'metric' || value === undefined
      ? []
      : [[name, titles[values.indexOf(value)] ?? value] as const];
  });
}

function topOf(item: HTMLElement): number {
  const scroller = item.closest('.figure-area');
  return item.getBoundingClientRect().top + (scroller?.scrollTop ?? 0);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
