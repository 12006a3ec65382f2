import type { BitPackedStore, StoredForm } from './stored';

/** Numbers of a few bits out of 32-bit words, a byte each. */
export const readBitPacked: StoredForm<BitPackedStore> = (stored, offset, target, read) => {
  const { columns, along, source } = stored;
  if (target.length === 0) return null;
  const firstRow = Math.floor(offset / columns);
  const endRow = Math.ceil((offset + target.length) / columns);
  // Rows of words that hold these rows, whole.
  const wordColumns = along === 'columns' ? wordsFor(stored, columns) : columns;
  const firstWordRow = along === 'columns' ? firstRow : wordOf(stored, firstRow);
  const endWordRow = along === 'columns' ? endRow : lastWordOf(stored, endRow - 1) + 1;
  const words = new Int32Array((endWordRow - firstWordRow) * wordColumns);
  const problem = read(source, firstWordRow * wordColumns * 4, new Uint8Array(words.buffer));
  if (problem !== null) return problem;
  for (let i = 0; i < target.length; i++) {
    const row = Math.floor((offset + i) / columns);
    const column = offset + i - row * columns;
    const at =
      along === 'columns'
        ? placeOf(stored, column, (row - firstWordRow) * wordColumns, 1)
        : placeOf(stored, row, column - firstWordRow * wordColumns, wordColumns);
    target[i] = valueAt(stored, words, at.word, at.shift, along === 'columns' ? 1 : wordColumns);
  }
  return null;
};

/** Words that `count` numbers of one row or column take. */
export function wordsFor({ bits, across }: Pick<BitPackedStore, 'bits' | 'across'>, count: number): number {
  return across ? Math.ceil((count * bits) / 32) : Math.ceil(count / Math.floor(32 / bits));
}

function wordOf({ bits, across }: BitPackedStore, index: number): number {
  return Math.floor(across ? (index * bits) / 32 : index / Math.floor(32 / bits));
}

function lastWordOf(stored: BitPackedStore, index: number): number {
  return stored.across ? Math.floor((index * stored.bits + stored.bits - 1) / 32) : wordOf(stored, index);
}

const place = { word: 0, shift: 0 };

/** Where number `index` of a row or column begins: words of it stand `stride` apart from `start` on. */
function placeOf(
  stored: BitPackedStore,
  index: number,
  start: number,
  stride: number,
): { readonly word: number; readonly shift: number } {
  const { bits, across, places } = stored;
  const word = wordOf(stored, index);
  place.word = start + word * stride;
  if (across) place.shift = index * bits - word * 32;
  else {
    const nth = index % Math.floor(32 / bits);
    place.shift = (places?.[nth] ?? nth) * bits;
  }
  return place;
}

function valueAt(
  { bits, plus }: BitPackedStore,
  words: Int32Array,
  word: number,
  shift: number,
  stride: number,
): number {
  const mask = 2 ** bits - 1;
  let value = (words[word] as number) >>> shift;
  if (shift + bits > 32) value |= (words[word + stride] as number) << (32 - shift);
  return ((value & mask) + plus) & mask;
}
