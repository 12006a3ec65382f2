import { formatBytes, formatCount, formatShape } from '../../src/figure/number-text';
import type { TensorColumns } from '../../src/protocol/checkpoint';
import { createDataTable, type DataTable } from '../table/data-table';
import { element, icon, toggle } from '../dom';
import { createFiltering } from './filtering';
import { COLUMNS, sortTensors, type ColumnName } from './tensor-order';

export interface TensorTable {
  readonly element: HTMLElement;
  /** Scrolls to a tensor and opens it; clears a filter that hides it. */
  select(tensor: string): void;
}

export interface TensorTableOptions {
  readonly tensors: TensorColumns;
  readonly open: (index: number) => void;
  readonly drawn: (rows: number) => void;
}

/** All tensors of a checkpoint: sortable, filtered by name, only the rows on screen in the DOM. */
export function createTensorTable(options: TensorTableOptions): TensorTable {
  const { tensors } = options;
  const filter = createFiltering(tensors.name);
  const all = tensors.name.map((_, index) => index);
  let passing: readonly number[] = all;
  let shown: readonly number[] = all;
  let order: { column: ColumnName; descending: boolean } | null = null;

  const table: DataTable = createDataTable({
    label: 'Tensors',
    columns: COLUMN_VIEWS,
    cell: (row, column) => cellText(tensors, shown[row] ?? -1, COLUMNS[column] ?? 'name'),
    hint: (row, column) => exactText(tensors, shown[row] ?? -1, COLUMNS[column] ?? 'name'),
    sort: (column, descending) => {
      order = { column: COLUMNS[column] ?? 'name', descending };
      show(passing);
    },
    select: (row) => options.open(shown[row] ?? -1),
    drawn: options.drawn,
  });
  const show = (indices: readonly number[]) => {
    passing = indices;
    shown = order ? sortTensors(tensors, indices, order.column, order.descending) : indices;
    table.setCurrent(null);
    table.setRows(shown.length);
  };
  const box = filterBox((text, isPattern) => {
    filter(text, isPattern, {
      done: (indices) => {
        box.say(`${formatCount(indices.length)} of ${formatCount(all.length)}`, false);
        show(indices);
      },
      refused: (message) => box.say(message, true),
    });
  }, table);
  box.say(`${formatCount(all.length)} of ${formatCount(all.length)}`, false);
  table.setRows(all.length);
  return {
    element: element('section', { class: 'tensors' }, box.element, table.element),
    select(tensor) {
      const index = tensors.name.indexOf(tensor);
      if (index < 0) return;
      if (!shown.includes(index)) {
        box.clear();
        box.say(`${formatCount(all.length)} of ${formatCount(all.length)}`, false);
        show(all);
      }
      table.setCurrent(shown.indexOf(index));
      options.open(index);
    },
  };
}

const COLUMN_VIEWS = [
  { title: 'Name', least: 320, grow: 5, keepEnd: true },
  { title: 'Dtype', least: 72, grow: 0.3 },
  { title: 'Shape', least: 124, grow: 0.6 },
  { title: 'Parameters', least: 112, grow: 0.3, numeric: true },
  { title: 'Size', least: 84, grow: 0.3, numeric: true },
  { title: 'Layer', least: 130, grow: 1 },
  { title: 'Module', least: 130, grow: 1 },
];

interface FilterBox {
  readonly element: HTMLElement;
  say(text: string, isWrong: boolean): void;
  clear(): void;
}

function filterBox(changed: (text: string, isPattern: boolean) => void, table: DataTable): FilterBox {
  let isPattern = false;
  const said = element('span', { class: 'muted', attributes: { role: 'status', id: 'filter-status' } });
  const input = element('input', {
    attributes: {
      type: 'search',
      placeholder: 'Filter by name',
      'aria-label': 'Filter tensors by name',
      'aria-describedby': 'filter-status',
      spellcheck: 'false',
    },
    on: {
      input: () => changed(input.value, isPattern),
      keydown: (event: KeyboardEvent) => {
        if (event.key === 'ArrowDown') {
          table.focus();
          event.preventDefault();
        }
      },
    },
  });
  const patternPlace = element('span');
  const drawToggle = () => {
    const button = toggle(
      '',
      isPattern,
      (pressed) => {
        isPattern = pressed;
        drawToggle();
        patternPlace.querySelector('button')?.focus();
        changed(input.value, isPattern);
      },
      { icon: 'regex', title: 'Use a regular expression' },
    );
    button.setAttribute('aria-label', 'Use a regular expression');
    patternPlace.replaceChildren(button);
  };
  drawToggle();
  return {
    element: element('div', { class: 'filter' }, icon('filter'), input, patternPlace, said),
    say(text, isWrong) {
      said.textContent = text;
      said.className = isWrong ? 'filter-error' : 'muted';
      input.setAttribute('aria-invalid', String(isWrong));
    },
    clear() {
      input.value = '';
    },
  };
}

function cellText(tensors: TensorColumns, index: number, column: ColumnName): string {
  switch (column) {
    case 'shape':
      return formatShape(tensors.shape[index] ?? []);
    case 'parameters':
      return formatCount(tensors.parameters[index] ?? 0);
    case 'bytes':
      return formatBytes(tensors.bytes[index] ?? 0);
    case 'name':
    case 'dtype':
    case 'layer':
    case 'module':
      return tensors[column][index] ?? '';
  }
}

function exactText(tensors: TensorColumns, index: number, column: ColumnName): string {
  return column === 'bytes'
    ? `${formatCount(tensors.bytes[index] ?? 0)} bytes`
    : cellText(tensors, index, column);
}
