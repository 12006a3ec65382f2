import { visible } from '../protocol/visible-text';

/** A column of a text table; numbers are aligned to the right. */
export interface TextColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** A longer cell is cut in the middle: one name must not push every other row off the screen. */
const LONGEST_CELL = 160;

/** Rows below their titles in aligned columns, as text that ends with a line break. Control characters are made visible. */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map((column) => column.title), ...rows].map((row) =>
    row.map((cell) => cut(visible(cell))),
  );
  const widths = columns.map((_, index) =>
    cells.reduce((widest, row) => Math.max(widest, row[index]?.length ?? 0), 0),
  );
  const lines = cells.map((row) =>
    columns
      .map((column, index) => {
        const text = row[index] ?? '';
        const width = widths[index] ?? 0;
        return column.align === 'right' ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

function cut(cell: string): string {
  if (cell.length <= LONGEST_CELL) return cell;
  const half = LONGEST_CELL / 2;
  return `${cell.slice(0, half - 1)}…${cell.slice(-half)}`;
}
