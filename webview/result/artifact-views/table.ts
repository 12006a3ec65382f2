import { formatCell } from '../../../src/figure/number-text';
import type { Table, TableCell, TableColumn } from '../../../src/protocol/artifact';
import { createDataTable, type DataColumn } from '../../table/data-table';
import { element } from '../../dom';
import { placeOfRow, rowMatcher } from '../../selection';
import { sortedRows } from '../row-order';
import type { ArtifactRenderer } from './view';

/** A table of so many rows is shown whole; longer ones share the room and scroll. */
const FEW_ROWS = 6;

/** A table artifact, sortable by every column that is not hidden; a row that is chosen stands for its place everywhere. */
export const renderTable: ArtifactRenderer<Table> = (table, { onSelect }) => {
  const shown = table.columns.flatMap((column, index) => (column.hidden ? [] : [{ column, index }]));
  const cellAt = (row: number, column: number): TableCell =>
    table.rows[row]?.[shown[column]?.index ?? -1] ?? null;
  const typeOf = (column: number) => shown[column]?.column.type ?? 'text';
  let order = table.rows.map((_, index) => index);
  const data = createDataTable({
    label: table.title,
    columns: shown.map(({ column, index }) => dataColumn(column, table.rows, index)),
    cell: (row, column) => formatCell(cellAt(order[row] ?? -1, column), typeOf(column)),
    hint: (row, column) => formatCell(cellAt(order[row] ?? -1, column), typeOf(column), true),
    sort: (column, descending) => {
      order = sortedRows(table.rows.length, (row) => cellAt(row, column), descending);
      data.refresh();
    },
    select: (row) => {
      const place = placeOfRow(table, table.rows[order[row] ?? -1] ?? []);
      if (place) onSelect(place);
    },
  });
  data.setRows(table.rows.length);
  const caption = table.caption ? element('p', { class: 'muted caption', text: table.caption }) : null;
  return {
    element: element(
      'section',
      { class: table.rows.length > FEW_ROWS ? 'artifact table' : 'artifact table short' },
      element('h3', { text: table.title }),
      caption,
      data.element,
    ),
    select: (selection) => {
      const matches = rowMatcher(table, selection);
      data.mark(matches && ((row) => matches(table.rows[order[row] ?? -1] ?? [])));
    },
  };
};

function dataColumn(column: TableColumn, rows: Table['rows'], index: number): DataColumn {
  const numeric = column.type !== 'text' && column.type !== 'boolean';
  const head = column.title.length * 8 + 36;
  if (numeric) return { title: column.title, least: Math.max(head, 96), grow: 1, numeric };
  // The first rows stand for all: measuring every name of a large table would take longer than drawing it.
  const longest = Math.max(0, ...rows.slice(0, 500).map((row) => String(row[index] ?? '').length));
  return {
    title: column.title,
    least: Math.max(head, Math.min(longest, 44) * 7.5 + 20),
    grow: longest > 24 ? 3 : 0.5,
  };
}
