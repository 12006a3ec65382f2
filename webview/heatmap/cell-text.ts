import { formatNumber } from '../../src/figure/number-text';
import { overlayFacts, type CellOverlay } from '../../src/figure/overlay';
import type { Matrix } from '../../src/protocol/artifact';

/** What a reader is told of a cell. */
export interface CellText {
  /** Row and column. */
  readonly place: readonly [string, string];
  /** Its number first, by name; then what an overlay says. */
  readonly facts: readonly (readonly [string, string])[];
}

/** Reads the cell of a row and a column of the matrix; `measure` is what its numbers are called. */
export function readCell(
  matrix: Matrix,
  measure: string,
  values: Float64Array,
  overlay: CellOverlay | null,
  row: number,
  column: number,
): CellText {
  const at = row * matrix.columns.length + column;
  const value = values[at] ?? Number.NaN;
  const own = Number.isNaN(value) ? 'undefined' : formatNumber(value);
  return {
    place: [matrix.rows[row]?.label ?? '', matrix.columns[column]?.label ?? ''],
    facts: [[measure || 'value', own], ...(overlay ? overlayFacts(overlay, at) : [])],
  };
}

/** The same for a screen reader. */
export function spokenCell({ place, facts }: CellText): string {
  const [own, ...further] = facts.map(([name, text]) => (name === 'value' ? text : `${name} ${text}`));
  return [`${place.join(', ')}: ${own ?? ''}`, ...further].join('; ');
}
