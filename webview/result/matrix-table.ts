import { matrixOrder, matrixValues } from '../../src/figure/matrix-values';
import { fullNumber } from '../../src/figure/number-text';
import type { Matrix } from '../../src/protocol/artifact';
import { element } from '../dom';
import { matchesEntry, placeOf } from '../selection';
import { createDataTable } from '../table/data-table';
import type { ArtifactView, ViewContext } from './artifact-views/view';
import { sortedRows } from './row-order';

/** The numbers of a matrix as a table, with all their digits; an undefined cell says so. Sortable by every column. */
export function matrixTable(matrix: Matrix, order: string, { onSelect }: ViewContext): ArtifactView {
  const values = matrixValues(matrix);
  const { rows, columns } = matrixOrder(matrix, order);
  let shown = [...rows];
  const number = (row: number, column: number) =>
    values[row * matrix.columns.length + (columns[column - 1] ?? 0)] ?? Number.NaN;
  const longest = Math.max(
    matrix.rowTitle.length,
    ...matrix.rows.slice(0, 500).map((row) => row.label.length),
  );
  const first = {
    title: matrix.rowTitle || 'row',
    least: pixels(Math.min(40, Math.max(8, longest))),
    grow: 1,
  };
  const data = createDataTable({
    label: matrix.title,
    columns: [
      first,
      ...columns.map((column) => {
        const title = matrix.columns[column]?.label ?? '';
        return { title, least: pixels(Math.max(22, title.length)), grow: 1, numeric: true };
      }),
    ],
    cell: (row, column) => {
      const from = shown[row] ?? 0;
      if (column === 0) return matrix.rows[from]?.label ?? '';
      const value = number(from, column);
      return Number.isNaN(value) ? 'undefined' : fullNumber(value);
    },
    sort: (column, descending) => {
      const keys = (position: number) => {
        const row = rows[position] ?? 0;
        return column === 0 ? (matrix.rows[row]?.label ?? '') : number(row, column);
      };
      shown = sortedRows(rows.length, keys, descending).map((position) => rows[position] ?? 0);
      data.refresh();
    },
    select: (row) => {
      const task = matrix.facets?.['task'];
      const entry = matrix.rows[shown[row] ?? 0];
      onSelect(placeOf({ ...(task === undefined ? {} : { task }), ...entry }));
    },
  });
  data.setRows(rows.length);
  return {
    element: element(
      'section',
      { class: 'artifact table' },
      element('h3', { text: matrix.title }),
      data.element,
    ),
    select: (selection) =>
      data.mark(
        selection && ((row) => matchesEntry(matrix.rows[shown[row] ?? -1] ?? { label: '' }, selection)),
      ),
  };
}

/** Room for a text of that many characters, with padding and the arrow of a sorted column. */
function pixels(characters: number): number {
  return characters * 7.5 + 30;
}
