import { IGNORED } from '../objective/objective';

/** What fills up an array of a name: 0 in masks, −100 in labels (which losses ignore), `pad` elsewhere. */
export function paddingFor(name: string, pad: number): number {
  if (/mask/i.test(name)) return 0;
  return /^(labels?|targets?|y)$/i.test(name) ? IGNORED : pad;
}

/**
 * Lists of numbers as rows of one length, filled up at their ends, or with `left` at their beginnings. Longer ones
 * are cut at the end.
 */
export function padRows(
  rows: readonly (readonly number[])[],
  fill: number,
  length: number,
  left: boolean,
): Float64Array {
  const padded = new Float64Array(rows.length * length).fill(fill);
  for (const [i, row] of rows.entries()) {
    const kept = row.length > length ? row.slice(0, length) : row;
    padded.set(kept, i * length + (left ? length - kept.length : 0));
  }
  return padded;
}

/** The length that rows are brought to: the one that is asked for, else that of the longest. */
export function commonLength(rows: readonly (readonly number[])[], asked: number | undefined): number {
  return asked ?? rows.reduce((most, row) => Math.max(most, row.length), 0);
}
