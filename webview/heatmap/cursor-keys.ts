/** A cell by its place on screen, counted from the top left of the whole matrix. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Rows that Page Up and Page Down pass over. */
export const PAGE = 10;

/**
 * Where a key leads the cursor; `null` when it is no cursor key. Home and End go along the row, with `toEnds` (Ctrl or Cmd) to the
 * first and last cell. The first key press from nowhere goes to the first cell.
 */
export function moveCursor(
  from: Cell | null,
  key: string,
  toEnds: boolean,
  size: { readonly rows: number; readonly columns: number },
): Cell | null {
  const at = from ?? { row: 0, column: 0 };
  const step = from ? 1 : 0;
  const target = ((): Cell | null => {
    switch (key) {
      case 'ArrowRight':
        return { row: at.row, column: at.column + step };
      case 'ArrowLeft':
        return { row: at.row, column: at.column - step };
      case 'ArrowDown':
        return { row: at.row + step, column: at.column };
      case 'ArrowUp':
        return { row: at.row - step, column: at.column };
      case 'PageDown':
        return { row: at.row + PAGE, column: at.column };
      case 'PageUp':
        return { row: at.row - PAGE, column: at.column };
      case 'Home':
        return { row: toEnds ? 0 : at.row, column: 0 };
      case 'End':
        return { row: toEnds ? size.rows - 1 : at.row, column: size.columns - 1 };
      default:
        return null;
    }
  })();
  if (!target || size.rows === 0 || size.columns === 0) return null;
  return {
    row: Math.min(Math.max(target.row, 0), size.rows - 1),
    column: Math.min(Math.max(target.column, 0), size.columns - 1),
  };
}
