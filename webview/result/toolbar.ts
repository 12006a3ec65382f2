import type { ExportFormat, ResultViewState } from '../../src/protocol/panel';
import { choice, element, toggle } from '../dom';
import { menuButton } from '../menu';
import type { OverlayChoice } from './overlays';
import { searchableChoice } from '../searchable-choice';
import { GIVEN_ORDER, type Shown } from './shown';

export interface ToolbarInput {
  readonly shown: Shown;
  readonly view: ResultViewState;
  /** What can be laid over the matrix. */
  readonly overlays: readonly OverlayChoice[];
  readonly change: (view: Partial<ResultViewState>) => void;
  readonly exportAs: (format: ExportFormat) => void;
}

const FORMATS = ['svg', 'png', 'csv', 'json'] as const;
// Beyond, a choice is searched in and not read through.
const MOST_IN_A_SELECT = 12;

/** Switches of a result: facets, colours, order, figure or table, export. Only those that this result has. */
export function panelToolbar(input: ToolbarInput): HTMLElement {
  const { shown } = input;
  return element(
    'div',
    { class: 'toolbar', attributes: { role: 'toolbar', 'aria-label': 'View' } },
    ...facetControls(input),
    ...(shown.matrix ? matrixControls(input) : []),
    ...overlayControl(input),
    element('div', { class: 'toolbar-end' }, viewControl(input), exportControl(input)),
  );
}

function facetControls({ shown, change }: ToolbarInput): HTMLElement[] {
  const selects = shown.switches
    .filter(({ name }) => !(name === 'task' && shown.sideBySide))
    .map(({ name, values, titles }) =>
      (values.length > MOST_IN_A_SELECT ? searchableChoice : choice)(
        name.replaceAll('_', ' '),
        values.map((value, index) => ({ value, title: titles[index] ?? value })),
        shown.facets[name] ?? '',
        (value) => change({ facets: { ...shown.facets, [name]: value } }),
      ),
    );
  if (!shown.canStandSideBySide) return selects;
  const together = toggle('Side by side', shown.sideBySide, (sideBySide) => change({ sideBySide }), {
    icon: 'split-horizontal',
    title: 'All tasks side by side, over one colour scale',
  });
  return [...selects, together];
}

function matrixControls({ shown, change }: ToolbarInput): HTMLElement[] {
  const sequential = shown.matrix?.scale === 'sequential';
  const scale = choice(
    'colours',
    [
      { value: 'linear', title: 'linear' },
      { value: 'log', title: 'logarithmic' },
    ],
    shown.logarithmic ? 'log' : 'linear',
    (value) => change({ colourScale: value === 'log' ? 'log' : 'linear' }),
  );
  const select = scale.querySelector('select');
  if (select && !sequential) {
    select.disabled = true;
    scale.title = 'Figures around zero have no logarithmic scale.';
  }
  if (shown.orders.length === 0) return [scale];
  const titles = shown.orders.map((value) => ({ value, title: value === GIVEN_ORDER ? 'as given' : value }));
  return [scale, choice('order', titles, shown.order, (order) => change({ order }))];
}

const NO_OVERLAY = '';

function overlayControl({ overlays, view, change }: ToolbarInput): HTMLElement[] {
  if (overlays.length === 0) return [];
  const options = [
    { value: NO_OVERLAY, title: 'none' },
    ...overlays.map(({ key, title }) => ({ value: key, title })),
  ];
  const chosen = overlays.find(({ key }) => key === view.overlay)?.key ?? NO_OVERLAY;
  const control = choice('overlay', options, chosen, (overlay) => change({ overlay }));
  control.title = 'Lays over the colours, as bars, how much a task needs the weights';
  return [control];
}

function viewControl({ view, change }: ToolbarInput): HTMLElement {
  const isTable = view.view === 'table';
  return element(
    'div',
    { class: 'segments', attributes: { role: 'group', 'aria-label': 'Figure or table' } },
    toggle('Figure', !isTable, () => change({ view: 'figure' }), { icon: 'graph' }),
    toggle('Table', isTable, () => change({ view: 'table' }), { icon: 'table' }),
  );
}

function exportControl({ exportAs }: ToolbarInput): HTMLElement {
  return menuButton('export', 'Export', () =>
    FORMATS.map((format) => ({
      title: `${format.toUpperCase()}: ${WHAT[format]}`,
      act: () => exportAs(format),
    })),
  );
}

const WHAT: Readonly<Record<(typeof FORMATS)[number], string>> = {
  svg: 'the figure as it is shown',
  png: 'the figure as pixels',
  csv: 'the numbers as a table',
  json: 'the whole result',
};
