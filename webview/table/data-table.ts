import { element } from '../dom';
import { columnWidths, type ColumnWidth } from './column-widths';
import { rowWindow, scrolledHeight, scrollToRow } from './virtual-rows';

/** A column of a {@link createDataTable}. */
export interface DataColumn extends ColumnWidth {
  readonly title: string;
  readonly numeric?: boolean;
  /** Cut long texts at their start: names of tensors differ at the end. */
  readonly keepEnd?: boolean;
  readonly help?: string;
}

export interface DataTableOptions {
  readonly label: string;
  readonly columns: readonly DataColumn[];
  /** Text of a cell; `row` counts in display order. */
  readonly cell: (row: number, column: number) => string;
  /** Tooltip of a cell, where it says more than its text. */
  readonly hint?: (row: number, column: number) => string | undefined;
  /** Sorts the owner's rows; the table asks for its cells again afterwards. */
  readonly sort?: (column: number, descending: boolean) => void;
  readonly select?: (row: number) => void;
  /** Called after every drawing with the number of rows in the DOM. */
  readonly drawn?: (rows: number) => void;
}

export interface DataTable {
  readonly element: HTMLElement;
  /** Draws anew for that many rows; keeps the scroll position where it can. */
  setRows(count: number): void;
  /** Marks a row (or none) as the selected one and scrolls to it. */
  setCurrent(row: number | null): void;
  /** Marks the rows (in display order) for which the test holds, scrolling to the first unless one is in view; `null` marks none. */
  mark(isMarked: ((row: number) => boolean) | null): void;
  refresh(): void;
  focus(): void;
}

const ROW = 24;

/** A table that keeps only the rows on screen in the DOM. Keys: arrows, Page Up/Down, Home, End, Enter. */
export function createDataTable(options: DataTableOptions): DataTable {
  return new VirtualTable(options);
}

class VirtualTable implements DataTable {
  readonly element: HTMLElement;
  private readonly body = element('div', { class: 'data-body', attributes: { role: 'rowgroup' } });
  private readonly rows = element('div', { class: 'data-rows', attributes: { role: 'presentation' } });
  private readonly head: HTMLElement;
  private readonly id = `table-${String((tables += 1))}`;
  private count = 0;
  private current: number | null = null;
  private isMarked: ((row: number) => boolean) | null = null;
  private sorted: { column: number; descending: boolean } | null = null;
  private pending = 0;

  constructor(private readonly options: DataTableOptions) {
    this.head = element('div', { class: 'data-head', attributes: { role: 'rowgroup' } }, this.headRow());
    this.body.append(this.rows);
    this.element = element(
      'div',
      {
        class: 'data-table',
        attributes: {
          role: 'grid',
          tabindex: 0,
          'aria-label': options.label,
          'aria-colcount': options.columns.length,
          'aria-readonly': 'true',
        },
        on: {
          scroll: () => this.later(),
          keydown: (event: KeyboardEvent) => this.key(event),
          click: (event: MouseEvent) => this.click(event),
        },
      },
      this.head,
      this.body,
    );
    new ResizeObserver(() => {
      this.fitColumns();
      this.later();
    }).observe(this.element);
  }

  setRows(count: number): void {
    this.count = count;
    if (this.current !== null && this.current >= count) this.current = null;
    this.element.setAttribute('aria-rowcount', String(count + 1));
    this.body.style.height = `${String(scrolledHeight(count, ROW))}px`;
    this.draw();
  }

  setCurrent(row: number | null): void {
    this.current = row;
    if (row !== null) {
      const { scrollTop } = this.element;
      this.element.scrollTop = scrollToRow(row, this.count, ROW, this.viewHeight(), scrollTop);
    }
    this.draw();
  }

  mark(isMarked: ((row: number) => boolean) | null): void {
    this.isMarked = isMarked;
    const { scrollTop } = this.element;
    const inView = rowWindow(this.count, ROW, this.viewHeight(), scrollTop);
    const first = isMarked ? firstWhere(this.count, isMarked, inView.first + 2) : null;
    if (first !== null) {
      this.element.scrollTop = scrollToRow(first, this.count, ROW, this.viewHeight(), scrollTop);
    }
    this.draw();
  }

  refresh(): void {
    this.draw();
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  /** Every row is a grid by itself, so tracks are given in pixels: sized by their content they would not stand in line. */
  private fitColumns(): void {
    const widths = columnWidths(this.options.columns, this.element.clientWidth);
    this.element.style.setProperty('--columns', widths.map((width) => `${String(width)}px`).join(' '));
    this.element.style.setProperty(
      '--row-width',
      `${String(widths.reduce((sum, width) => sum + width, 0))}px`,
    );
  }

  private viewHeight(): number {
    return Math.max(ROW, this.element.clientHeight - this.head.offsetHeight);
  }

  private later(): void {
    if (this.pending !== 0) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { first, count, top } = rowWindow(this.count, ROW, this.viewHeight(), this.element.scrollTop);
    const made = Array.from({ length: Math.max(0, count) }, (_, index) => this.row(first + index));
    this.rows.replaceChildren(...made);
    this.rows.style.transform = `translateY(${String(top)}px)`;
    const shown = this.current !== null && this.current >= first && this.current < first + count;
    if (shown) this.element.setAttribute('aria-activedescendant', `${this.id}-${String(this.current)}`);
    else this.element.removeAttribute('aria-activedescendant');
    this.options.drawn?.(made.length);
  }

  private row(row: number): HTMLElement {
    const current = row === this.current;
    const marked = this.isMarked?.(row) ?? false;
    const made = element('div', {
      class: `data-row${current ? ' current' : ''}${marked ? ' marked' : ''}`,
      attributes: {
        role: 'row',
        id: `${this.id}-${String(row)}`,
        'aria-rowindex': row + 2,
        'aria-selected': String(current),
        'data-row': row,
      },
    });
    this.options.columns.forEach((column, index) => {
      const text = this.options.cell(row, index);
      const kind = column.numeric ? ' numeric' : column.keepEnd ? ' keep-end' : '';
      const cell = element('div', {
        class: `data-cell${kind}`,
        title: this.options.hint?.(row, index) ?? text,
        attributes: { role: 'gridcell', 'aria-colindex': index + 1 },
      });
      // The cell runs from right to left so that its start is cut; its text must not.
      cell.append(column.keepEnd ? element('bdi', { text, attributes: { dir: 'ltr' } }) : text);
      made.append(cell);
    });
    return made;
  }

  private headRow(): HTMLElement {
    const row = element('div', { class: 'data-row', attributes: { role: 'row', 'aria-rowindex': 1 } });
    this.options.columns.forEach((column, index) => {
      const sorted = this.sorted?.column === index ? this.sorted : null;
      const direction = sorted ? (sorted.descending ? 'descending' : 'ascending') : 'none';
      const arrow = sorted
        ? element('span', {
            class: `codicon codicon-arrow-small-${sorted.descending ? 'down' : 'up'}`,
            attributes: { 'aria-hidden': 'true' },
          })
        : null;
      const name = element('span', { class: 'data-title', text: column.title });
      const inside = this.options.sort
        ? element(
            'button',
            {
              title: column.help ?? `Sort by ${column.title}`,
              attributes: { type: 'button' },
              on: { click: () => this.sortBy(index) },
            },
            name,
            arrow,
          )
        : name;
      row.append(
        element(
          'div',
          {
            class: column.numeric ? 'data-cell numeric' : 'data-cell',
            attributes: { role: 'columnheader', 'aria-colindex': index + 1, 'aria-sort': direction },
          },
          inside,
        ),
      );
    });
    return row;
  }

  private sortBy(column: number): void {
    const descending = this.sorted?.column === column && !this.sorted.descending;
    this.sorted = { column, descending };
    const focused = this.head.contains(document.activeElement);
    this.head.replaceChildren(this.headRow());
    this.options.sort?.(column, descending);
    if (focused) this.head.querySelectorAll('button')[column]?.focus();
  }

  private click(event: MouseEvent): void {
    const row = (event.target as Element).closest('.data-body .data-row')?.getAttribute('data-row');
    if (row === null || row === undefined) return;
    this.setCurrent(Number(row));
    this.options.select?.(Number(row));
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.key === 'Enter' || event.key === ' ') && this.current !== null) {
      this.options.select?.(this.current);
      event.preventDefault();
      return;
    }
    const page = Math.max(1, Math.floor(this.viewHeight() / ROW) - 1);
    const from = this.current;
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: from === null ? 0 : from + 1,
      ArrowUp: from === null ? 0 : from - 1,
      PageDown: (from ?? 0) + page,
      PageUp: (from ?? 0) - page,
      Home: 0,
      End: this.count - 1,
    };
    const target = targets[event.key];
    if (target === undefined || this.count === 0) return;
    event.preventDefault();
    this.setCurrent(Math.min(Math.max(target, 0), this.count - 1));
  }
}

/** The first row from `start` on for which the test holds, else the first of all; `null` where there is none. */
function firstWhere(count: number, test: (row: number) => boolean, start: number): number | null {
  for (let step = 0; step < count; step++) {
    const row = (Math.max(0, start) + step) % count;
    if (test(row)) return row;
  }
  return null;
}

let tables = 0;
