import type { Problem } from '../../protocol/result';
import { PackedKernels } from '../wasm/packed-kernels';
import { isWhole, unpackWords, wordsFor } from './bit-packed';
import type { BitPackedStore, ReadSpanBytes, StridedStore } from './stored';
import { wholeSource } from './whole-sources';

/** Larger ones are not held in memory. */
const MOST_BYTES = 2 ** 28;
/** Words are turned around in parts of so many rows and columns, which stay in the processor's cache. */
const [PART_ROWS, PART_COLUMNS] = [16, 64];

/**
 * The packed matrix that a view has with its axes exchanged: GPTQ, whose numbers follow each other down the columns of words, and AWQ,
 * whose words have those of eight columns. `null` for every other view, and where numbers lie across two words, or there are too many.
 */
export function turnedPacked({ source, size, shape, strides, start }: StridedStore): BitPackedStore | null {
  const { stored } = source;
  if (stored?.kind !== 'bitPacked' || size !== 1 || start !== 0 || source.offset !== 0) return null;
  const { rows, columns, along, bits } = stored;
  if (shape.join() !== [columns, rows].join() || strides.join() !== [1, columns].join()) return null;
  if (32 % bits !== 0 || stored.source.bytes > MOST_BYTES) return null;
  return along === 'columns' || isWhole(stored) ? stored : null;
}

/**
 * Bytes `offset …` of the numbers of a packed matrix with its axes exchanged. Words are turned around once, for all reads that
 * follow: an eighth of the work (of four bits), and of the memory, that it is to turn the numbers.
 */
export function readTurned(
  key: StridedStore,
  packed: BitPackedStore,
  offset: number,
  target: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const { rows, columns, along } = packed;
  const height = along === 'rows' ? wordsFor(packed, rows) : rows;
  const width = along === 'rows' ? columns : wordsFor(packed, columns);
  const bytes = wholeSource(key, read, (from) => {
    const words = new Int32Array(height * width);
    const problem = from(packed.source, 0, new Uint8Array(words.buffer));
    return problem ?? new Uint8Array(turnWords(words, height, width).buffer);
  });
  if (!(bytes instanceof Uint8Array)) return bytes;
  const words = new Int32Array(bytes.buffer);
  const line = new Uint8Array(height * (32 / packed.bits));
  for (let done = 0; done < target.length;) {
    const row = Math.floor((offset + done) / rows);
    const first = offset + done - row * rows;
    const length = Math.min(rows - first, target.length - done);
    const into = first === 0 && length >= line.length ? target.subarray(done) : line;
    if (along === 'rows') {
      unpackWords(words.subarray(row * height, (row + 1) * height), packed.bits, packed.plus, into);
    } else unpackColumn(packed, words, row, into);
    if (into === line) target.set(line.subarray(first, first + length), done);
    done += length;
  }
  return null;
}

/** The numbers of one column of a matrix whose rows are packed, from words that stand column by column. */
function unpackColumn(
  { rows, bits, places, plus }: BitPackedStore,
  words: Int32Array,
  column: number,
  target: Uint8Array,
): void {
  const each = 32 / bits;
  const nth = column % each;
  const shift = bits * (places?.[nth] ?? nth);
  const mask = (1 << bits) - 1;
  const start = Math.floor(column / each) * rows;
  const kernels = bits === 4 ? PackedKernels.ofThread() : null;
  if (kernels !== null) {
    kernels.unpackFourOf(words.subarray(start, start + rows), shift, plus, target);
    return;
  }
  for (let row = 0; row < rows; row++)
    target[row] = (((words[start + row] as number) >>> shift) + plus) & mask;
}

/** A matrix of words with its axes exchanged, by way of small parts: lines of the matrix are a power of two apart, too often. */
function turnWords(words: Int32Array, height: number, width: number): Int32Array {
  const turned = new Int32Array(words.length);
  const part = new Int32Array(PART_ROWS * PART_COLUMNS);
  for (let top = 0; top < height; top += PART_ROWS) {
    const rows = Math.min(PART_ROWS, height - top);
    for (let left = 0; left < width; left += PART_COLUMNS) {
      const columns = Math.min(PART_COLUMNS, width - left);
      for (let row = 0; row < rows; row++) {
        const from = (top + row) * width + left;
        for (let column = 0; column < columns; column++)
          part[column * PART_ROWS + row] = words[from + column] as number;
      }
      for (let column = 0; column < columns; column++) {
        const to = (left + column) * height + top;
        for (let row = 0; row < rows; row++) turned[to + row] = part[column * PART_ROWS + row] as number;
      }
    }
  }
  return turned;
}
