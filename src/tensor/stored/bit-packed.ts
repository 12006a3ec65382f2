import { PackedKernels } from '../wasm/packed-kernels';
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
  const stride = along === 'columns' ? 1 : wordColumns;
  let done = 0;
  while (done < target.length) {
    const row = Math.floor((offset + done) / columns);
    const first = offset + done - row * columns;
    const run = target.subarray(done, done + columns - first);
    if (along === 'rows') unpackAcross(stored, words, row, first - firstWordRow * wordColumns, stride, run);
    else unpackAlong(stored, words, first, (row - firstWordRow) * wordColumns, run);
    done += run.length;
  }
  return null;
};

/** A run of columns of one row, whose numbers stand in the same bits of words beside each other. */
function unpackAcross(
  stored: BitPackedStore,
  words: Int32Array,
  row: number,
  start: number,
  stride: number,
  target: Uint8Array,
): void {
  const { word, shift } = placeOf(stored, row, start, stride);
  for (let k = 0; k < target.length; k++) target[k] = valueAt(stored, words, word + k, shift, stride);
}

/** A run of numbers that follow each other in the words of one row. */
function unpackAlong(
  stored: BitPackedStore,
  words: Int32Array,
  first: number,
  start: number,
  target: Uint8Array,
): void {
  let k = 0;
  if (isWhole(stored)) {
    const { bits, plus } = stored;
    const each = 32 / bits;
    for (; (first + k) % each !== 0 && k < target.length; k++) {
      const { word, shift } = placeOf(stored, first + k, start, 1);
      target[k] = valueAt(stored, words, word, shift, 1);
    }
    const count = Math.floor((target.length - k) / each);
    const word = start + (first + k) / each;
    if (count > 0) unpackWords(words.subarray(word, word + count), bits, plus, target.subarray(k));
    k += count * each;
  }
  for (; k < target.length; k++) {
    const { word, shift } = placeOf(stored, first + k, start, 1);
    target[k] = valueAt(stored, words, word, shift, 1);
  }
}

/** Whether every word holds whole numbers, from its lowest bits on. */
export function isWhole({ bits, places }: BitPackedStore): boolean {
  return 32 % bits === 0 && places === undefined;
}

/** All numbers of words that hold whole ones, from their lowest bits on. */
export function unpackWords(words: Int32Array, bits: number, plus: number, target: Uint8Array): void {
  const mask = (1 << bits) - 1;
  if (bits === 4) {
    unpackFours(words, plus, target);
    return;
  }
  let to = 0;
  for (let w = 0; w < words.length; w++) {
    const word = words[w] as number;
    for (let shift = 0; shift < 32; shift += bits) target[to++] = ((word >>> shift) + plus) & mask;
  }
}

function unpackFours(words: Int32Array, plus: number, target: Uint8Array): void {
  const kernels = PackedKernels.ofThread();
  if (kernels !== null) {
    kernels.unpackFours(words, plus, target);
    return;
  }
  for (let w = 0, to = 0; w < words.length; w++, to += 8) {
    const word = words[w] as number;
    target[to] = (word + plus) & 15;
    target[to + 1] = ((word >>> 4) + plus) & 15;
    target[to + 2] = ((word >>> 8) + plus) & 15;
    target[to + 3] = ((word >>> 12) + plus) & 15;
    target[to + 4] = ((word >>> 16) + plus) & 15;
    target[to + 5] = ((word >>> 20) + plus) & 15;
    target[to + 6] = ((word >>> 24) + plus) & 15;
    target[to + 7] = ((word >>> 28) + plus) & 15;
  }
}

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
  const mask = (1 << bits) - 1;
  let value = (words[word] as number) >>> shift;
  if (shift + bits > 32) value |= (words[word + stride] as number) << (32 - shift);
  return ((value & mask) + plus) & mask;
}
