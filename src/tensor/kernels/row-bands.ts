import type { Decoder } from '../decode';
import { bandOf, mergeMagnitudes, type RowBands } from '../magnitudes';
import type { PassItem } from '../pass';
import { deltaDecoder } from './delta';
import { BLOCK, type Kernel } from './kernel';
import { GrowingSketch } from './magnitudes';
import { squaresOf } from './task-blocks';

type RowBandsItem = Extract<PassItem, { kind: 'rowBands' }>;

/** Mantissa bits of the sketch that comes along. */
export const ROW_SKETCH_BITS = 3;

/**
 * Two cuts in every row, as the released code of Model Breadcrumbs has them (Davari and Belilovsky 2024). Entries that
 * are not finite are left out of their row. Chunks must be whole rows.
 */
export const rowBands: Kernel<RowBandsItem, RowBands> = {
  prepare(item, scratch) {
    const { rowLength, keep, drop } = item;
    const row = scratch.block(2, rowLength);
    const piece = scratch.block(0, BLOCK);
    return (chunk) => {
      const decode = deltaDecoder(item.base, item.task, chunk, scratch);
      const sketch = new GrowingSketch(ROW_SKETCH_BITS, scratch);
      let kept = 0;
      let energy = 0;
      let dropped = 0;
      for (let first = 0; first < chunk.end - chunk.start; first += rowLength) {
        const finite = readRow(decode, first, rowLength, piece, row, sketch);
        const band = bandOf(finite, keep, drop);
        moveLargest(row, 0, finite, band.dropped);
        moveLargest(row, band.dropped, finite, band.kept);
        kept += band.kept;
        dropped += squaresOf(row, band.dropped);
        for (let i = band.dropped; i < band.dropped + band.kept; i++) energy += (row[i] as number) ** 2;
      }
      return { kind: 'rowBands', kept, energy, dropped, sketch: sketch.finish() };
    };
  },
  merge: (before, after) => ({
    kind: 'rowBands',
    kept: before.kept + after.kept,
    energy: before.energy + after.energy,
    dropped: before.dropped + after.dropped,
    sketch: mergeMagnitudes(before.sketch, after.sketch),
  }),
};

/** Writes the finite sizes of a row to the front of `row`; returns how many there are. */
function readRow(
  decode: Decoder,
  first: number,
  rowLength: number,
  piece: Float64Array,
  row: Float64Array,
  sketch: GrowingSketch,
): number {
  let finite = 0;
  for (let done = 0; done < rowLength; done += BLOCK) {
    const count = Math.min(BLOCK, rowLength - done);
    decode(first + done, count, piece);
    sketch.add(piece, count);
    for (let i = 0; i < count; i++) {
      const size = Math.abs(piece[i] as number);
      row[finite] = size;
      finite += Number(size < Infinity) | 0;
    }
  }
  return finite;
}

/** Reorders `values[from … end − 1]` so that its `largest` largest come first (Hoare's "Find", 1961). */
export function moveLargest(values: Float64Array, from: number, end: number, largest: number): void {
  const wanted = from + largest - 1;
  if (largest <= 0 || wanted >= end - 1) return;
  let low = from;
  let high = end - 1;
  // Pivots that no file can foresee to be bad ones, and that are the same every time.
  let random = 1;
  while (low < high) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    const pivot = values[low + (random % (high - low + 1))] as number;
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] as number) > pivot) i++;
      while ((values[j] as number) < pivot) j--;
      if (i > j) break;
      const value = values[i] as number;
      values[i++] = values[j] as number;
      values[j--] = value;
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else return;
  }
}
