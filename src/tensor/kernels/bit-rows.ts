// Yes or no for each entry of a block, as bits: 32 entries a word, one row of words per task. Counting over pairs of
// tasks then takes a few instructions for 32 entries.
import { BLOCK } from './kernel';

/** Words of one row. */
export const WORDS = BLOCK / 32;

/** Words that `count` entries take. */
export function wordsFor(count: number): number {
  return (count + 31) >>> 5;
}

/** Which of the first `count` values are above `least`, written as bits to row `row`. */
export function packAbove(
  values: Float64Array,
  count: number,
  least: number,
  rows: Int32Array,
  row: number,
): void {
  let at = row * WORDS;
  for (let first = 0; first < count; first += 32) {
    const end = Math.min(32, count - first);
    let bits = 0;
    for (let b = 0; b < end; b++) bits |= Number((values[first + b] as number) > least) << b;
    rows[at++] = bits;
  }
}

/** Which of the first `count` values are positive and which are negative. */
export function packSigns(
  values: Float64Array,
  count: number,
  positive: Int32Array,
  negative: Int32Array,
  row: number,
): void {
  let at = row * WORDS;
  for (let first = 0; first < count; first += 32) {
    const end = Math.min(32, count - first);
    let above = 0;
    let below = 0;
    for (let b = 0; b < end; b++) {
      const value = values[first + b] as number;
      above |= Number(value > 0) << b;
      below |= Number(value < 0) << b;
    }
    positive[at] = above;
    negative[at++] = below;
  }
}

/** How many bits of a 32-bit word are set. */
export function bitsSet(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** How many bits of the first `words` words of a row are set. */
export function countRow(rows: Int32Array, row: number, words: number): number {
  const at = row * WORDS;
  let sum = 0;
  for (let w = 0; w < words; w++) sum += bitsSet(rows[at + w] as number);
  return sum;
}

/**
 * For every two tasks i < j, in that order: adds to `opposed` the entries where one is positive and the other negative,
 * and to `both` those where neither is 0.
 */
export function countSigns(
  positive: Int32Array,
  negative: Int32Array,
  tasks: number,
  words: number,
  opposed: Float64Array,
  both: Float64Array,
): void {
  let pair = 0;
  for (let i = 0; i < tasks; i++) {
    for (let j = i + 1; j < tasks; j++) {
      let against = 0;
      let sum = 0;
      for (let w = 0, x = i * WORDS, y = j * WORDS; w < words; w++, x++, y++) {
        const px = positive[x] as number;
        const nx = negative[x] as number;
        const py = positive[y] as number;
        const ny = negative[y] as number;
        against += bitsSet((px & ny) | (nx & py));
        sum += bitsSet((px | nx) & (py | ny));
      }
      opposed[pair] = (opposed[pair] as number) + against;
      both[pair] = (both[pair] as number) + sum;
      pair++;
    }
  }
}

/** For every two tasks i < j, in that order: adds to `onBoth` the entries that are set in both rows. */
export function countBoth(rows: Int32Array, tasks: number, words: number, onBoth: Float64Array): void {
  let pair = 0;
  for (let i = 0; i < tasks; i++) {
    for (let j = i + 1; j < tasks; j++) {
      let sum = 0;
      for (let w = 0, x = i * WORDS, y = j * WORDS; w < words; w++, x++, y++) {
        sum += bitsSet((rows[x] as number) & (rows[y] as number));
      }
      onBoth[pair] = (onBoth[pair] as number) + sum;
      pair++;
    }
  }
}

/** Entries set in exactly one row, and in more than one, as one row of words each. */
export function tally(
  rows: Int32Array,
  tasks: number,
  words: number,
  once: Int32Array,
  often: Int32Array,
): void {
  for (let w = 0; w < words; w++) {
    let any = 0;
    let twice = 0;
    for (let t = 0; t < tasks; t++) {
      const word = rows[t * WORDS + w] as number;
      twice |= any & word;
      any |= word;
    }
    once[w] = any & ~twice;
    often[w] = twice;
  }
}
