import type { AxisEntry, LensResult, Matrix, Table, TableCell } from '../protocol/artifact';
import { matrixOrder, matrixValues } from './matrix-values';

/**
 * One CSV field (RFC 4180): quoted where needed, quotes doubled. Text that a spreadsheet would run as a formula (it starts with
 * `=`, `+`, `-`, `@`, tab or return, and is no number) gets a leading apostrophe, as OWASP advises for CSV injection; so a hostile
 * tensor name stays a name. Numbers are written with all their digits, a list of them as JSON, undefined is an empty field.
 */
export function csvField(cell: TableCell): string {
  if (cell === null || (typeof cell === 'number' && Number.isNaN(cell))) return '';
  if (Array.isArray(cell)) return cell.length > 1 ? `"${JSON.stringify(cell)}"` : JSON.stringify(cell);
  if (typeof cell !== 'string') return String(cell);
  const safe = /^[=+\-@\t\r]/.test(cell) && !isNumber(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replace(/"/g, '""')}"` : safe;
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}

/** Rows of fields as RFC 4180 text: comma, CRLF after every row. */
export function csvText(rows: Iterable<readonly TableCell[]>): string {
  const lines: string[] = [];
  for (const row of rows) lines.push(row.map(csvField).join(','), '\r\n');
  return lines.join('');
}

/** A table artifact with all its columns, hidden ones too; the header holds the column names (not titles). */
export function tableToCsv(table: Table): string {
  return csvText([table.columns.map((column) => column.name), ...table.rows]);
}

/**
 * A matrix as it is drawn: the first column names the rows, the header names the columns; rows and columns in the order of that
 * title, else as given.
 */
export function matrixToCsv(matrix: Matrix, order?: string): string {
  return csvText([
    [
      axisTitle(matrix),
      ...matrixOrder(matrix, order).columns.map((column) => entryLabel(matrix.columns[column])),
    ],
    ...matrixRows(matrix, order),
  ]);
}

/** Matrices that have the same columns, one below the other, with a leading column for every facet that varies. */
export function matricesToCsv(matrices: readonly Matrix[], order?: string): string {
  const [first] = matrices;
  if (!first) return '';
  const facets = varyingFacets(matrices);
  const header = matrixOrder(first, order).columns.map((column) => entryLabel(first.columns[column]));
  const rows = matrices.flatMap((matrix) =>
    matrixRows(matrix, order).map((row) => [
      ...facets.map((facet) => matrix.facets?.[facet] ?? null),
      ...row,
    ]),
  );
  return csvText([[...facets, axisTitle(first), ...header], ...rows]);
}

/**
 * The figures of a result in one CSV: its first table, which by custom holds one row per tensor or pair; where there is none, the
 * cells of all matrices, one per line.
 */
export function resultToCsv(result: LensResult): string {
  const table = result.artifacts.find((artifact) => artifact.kind === 'table');
  if (table) return tableToCsv(table);
  const matrices = result.artifacts.filter((artifact) => artifact.kind === 'matrix');
  return csvText([['artifact', 'row', 'column', 'value'], ...matrices.flatMap(matrixCells)]);
}

function matrixCells(matrix: Matrix): TableCell[][] {
  const values = matrixValues(matrix);
  return matrix.rows.flatMap((row, rowIndex) =>
    matrix.columns.map((column, columnIndex) => [
      matrix.id,
      row.label,
      column.label,
      values[rowIndex * matrix.columns.length + columnIndex] ?? null,
    ]),
  );
}

function matrixRows(matrix: Matrix, title: string | undefined): TableCell[][] {
  const order = matrixOrder(matrix, title);
  const values = matrixValues(matrix);
  const width = matrix.columns.length;
  return order.rows.map((row) => [
    entryLabel(matrix.rows[row]),
    ...order.columns.map((column) => values[row * width + column] ?? null),
  ]);
}

function varyingFacets(matrices: readonly Matrix[]): string[] {
  const names = new Set(matrices.flatMap((matrix) => Object.keys(matrix.facets ?? {})));
  return [...names].filter((name) => new Set(matrices.map((matrix) => matrix.facets?.[name])).size > 1);
}

function axisTitle(matrix: Matrix): string {
  return matrix.rowTitle || 'row';
}

function entryLabel(entry: AxisEntry | undefined): string {
  return entry?.label ?? '';
}
