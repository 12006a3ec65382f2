import { createColouring, type Colouring } from '../../src/figure/colouring';
import { legendDrawing } from '../../src/figure/legend';
import { matrixValues, sharedDomain, valueRange } from '../../src/figure/matrix-values';
import { overlayNote } from '../../src/figure/overlay';
import { drawingToShape } from '../../src/figure/svg';
import type { Matrix } from '../../src/protocol/artifact';
import { element, mountShape } from '../dom';
import type { Selection } from '../../src/protocol/panel';
import { Heatmap } from '../heatmap/heatmap';
import type { Tooltip } from '../heatmap/tooltip';
import type { Viewport } from '../heatmap/viewport';
import { matchesEntry, placeOf } from '../selection';
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
  /** Matrices elsewhere that share the range of the colours. */
  readonly sharing: readonly Matrix[];
  /** Most pixels that a heatmap may be high. */
  readonly room: (heatmap: HTMLElement) => number;
  /** What part of a matrix of that size is shown at first. */
  readonly viewport: (matrix: Matrix) => Viewport | undefined;
  readonly moved: (matrix: Matrix, viewport: Viewport) => void;
}

export interface MatrixFigure {
  readonly element: HTMLElement;
  /** Marks the cell whose details are open. */
  select(cell: ChosenCell | null): void;
  /** Marks rows, columns and cells that stand for a selection. */
  mark(selection: Selection | null): void;
  /** Moves the keyboard's focus to the heatmap (the first one, or that of the selected cell). */
  focus(): void;
  dispose(): void;
}

/** The matrix, or several side by side over one colour domain, with legend and notes. */
export function createMatrixFigure(options: MatrixFigureOptions): MatrixFigure {
  const { shown } = options;
  const palette = themePalette();
  const values = shown.matrices.map(matrixValues);
  const sharing = options.sharing.filter(({ scale }) => scale === shown.matrix?.scale);
  const range = valueRange([...values, ...sharing.map(matrixValues)]);
  const colouring = createColouring({
    scale: shown.matrix?.scale ?? 'sequential',
    domain: sharedDomain([...shown.matrices, ...sharing]),
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
  const overlay = shown.matrix?.overlay;
  if (overlay) legend.append(element('p', { class: 'muted', text: overlayNote(overlay) }));
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
    mark: (selection) => {
      for (const { matrix, map } of maps) map.mark(markedPlaces(matrix, selection));
    },
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
    grid.append(element('figure', {}, taskCaption(matrix.facets?.['task'] ?? matrix.title), map.element));
  }
  const title = element('h3', {
    text: `${capitalised(shown.measure)} · ${String(maps.length)} tasks side by side`,
  });
  return element('section', { class: 'artifact matrix' }, title, legend, grid, ...caption);
}

function taskCaption(text: string): HTMLElement {
  const name = element('bdi', { text, attributes: { dir: 'ltr' } });
  return element('figcaption', { title: text }, name);
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
    room: () => (shown.sideBySide ? 340 : options.room(map.element)),
    viewport: options.viewport(matrix),
    moved: (viewport) => options.moved(matrix, viewport),
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

/** Rows and columns that stand for a selection; none where the matrix is of another task. */
function markedPlaces(
  matrix: Matrix,
  selection: Selection | null,
): { readonly rows: readonly number[]; readonly columns: readonly number[] } {
  const task = matrix.facets?.['task'];
  if (selection?.task !== undefined && task !== undefined && task !== selection.task) {
    return { rows: [], columns: [] };
  }
  const matching = (entries: Matrix['rows']) =>
    entries.flatMap((entry, index) => (matchesEntry(entry, selection) ? [index] : []));
  return { rows: matching(matrix.rows), columns: matching(matrix.columns) };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The place of a cell in the network: what its row, its column and its matrix say together. */
export function selectionOfCell({ matrix, row, column }: ChosenCell): Selection | null {
  const task = matrix.facets?.['task'];
  const [down, across] = [matrix.rows[row], matrix.columns[column]];
  return placeOf({ ...(task === undefined ? {} : { task }), ...across, ...down });
}
