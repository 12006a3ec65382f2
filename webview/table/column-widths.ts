/** What a column of a table asks for. */
export interface ColumnWidth {
  /** Pixels it needs at least. */
  readonly least: number;
  /** Its share of what is left over. */
  readonly grow: number;
}

/** Widths of columns: what each needs, and its share of the room beyond that. */
export function columnWidths(columns: readonly ColumnWidth[], room: number): number[] {
  const least = columns.reduce((sum, column) => sum + column.least, 0);
  const grow = columns.reduce((sum, column) => sum + column.grow, 0);
  const spare = Math.max(0, room - least);
  return columns.map((column) => column.least + (grow > 0 ? (spare * column.grow) / grow : 0));
}
