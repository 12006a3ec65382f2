import type { TableCell } from '../../src/protocol/artifact';

const collator = new Intl.Collator('en', { numeric: true });

/** Row indices sorted by a cell of each row: numbers by value, texts in natural order, undefined always last; stable. */
export function sortedRows(count: number, cell: (row: number) => TableCell, descending: boolean): number[] {
  const sign = descending ? -1 : 1;
  const keys = Array.from({ length: count }, (_, row) => cell(row));
  const isMissing = (key: TableCell | undefined) => key === null || key === undefined || Number.isNaN(key);
  return keys
    .map((_, row) => row)
    .sort((a, b) => {
      const [left, right] = [keys[a], keys[b]];
      if (isMissing(left) || isMissing(right)) return Number(isMissing(left)) - Number(isMissing(right));
      if (typeof left === 'string' || typeof right === 'string') {
        return sign * collator.compare(String(left), String(right));
      }
      return sign * (Number(left) - Number(right));
    });
}
