import { decoder } from '../decode';
import type { AxisSquares, PassItem } from '../pass';
import { BLOCK, type Kernel } from './kernel';

type AxisSquaresItem = Extract<PassItem, { kind: 'axisSquares' }>;

/**
 * Σx² of every row (index of the first dimension) and of every column (index of the second; what lies in further
 * dimensions belongs to it), over the finite entries.
 */
export const axisSquares: Kernel<AxisSquaresItem, AxisSquares> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    const { span, columns, depth } = item;
    const rowLength = columns * depth;
    return (chunk) => {
      const decode = decoder(span.dtype, chunk.bytes[0] ?? EMPTY);
      const length = chunk.end - chunk.start;
      const firstRow = Math.floor(chunk.start / rowLength);
      const rows = new Float64Array(
        length === 0 ? 0 : Math.floor((chunk.end - 1) / rowLength) - firstRow + 1,
      );
      const sums: Growing = { rows, columns: new Float64Array(columns), depth, skipped: 0 };
      for (let first = 0; first < length; first += BLOCK) {
        const count = Math.min(BLOCK, length - first);
        decode(first, count, block);
        addBlock(block, count, chunk.start + first - firstRow * rowLength, rowLength, sums);
      }
      return { kind: 'axisSquares', firstRow, rows, columns: sums.columns, skipped: sums.skipped };
    };
  },
  merge: mergeAxes,
};

const EMPTY = new Uint8Array(0);

interface Growing {
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  readonly depth: number;
  skipped: number;
}

/** Adds a block that begins `start` entries after the first row of `sums`, row by row. */
function addBlock(block: Float64Array, count: number, start: number, rowLength: number, sums: Growing): void {
  for (let done = 0; done < count;) {
    const row = Math.floor((start + done) / rowLength);
    const at = start + done - row * rowLength;
    const length = Math.min(rowLength - at, count - done);
    sums.rows[row] = (sums.rows[row] as number) + addRun(block, done, length, at, sums);
    done += length;
  }
}

/** Adds a piece of one row to the columns; returns its Σx². */
function addRun(block: Float64Array, from: number, length: number, at: number, sums: Growing): number {
  const { columns, depth } = sums;
  let total = 0;
  let column = Math.floor(at / depth);
  let left = depth - (at - column * depth);
  for (let i = from; i < from + length; i++) {
    const x = block[i] as number;
    const square = x * x;
    // Of entries that are not finite none has a finite square.
    if (square < Infinity) {
      columns[column] = (columns[column] as number) + square;
      total += square;
    } else sums.skipped++;
    if (--left > 0) continue;
    column++;
    left = depth;
  }
  return total;
}

function mergeAxes(before: AxisSquares, after: AxisSquares): AxisSquares {
  if (after.rows.length === 0) return before;
  if (before.rows.length === 0) return after;
  const rows = new Float64Array(after.firstRow + after.rows.length - before.firstRow);
  rows.set(before.rows);
  // A row that two chunks share is in both.
  const offset = after.firstRow - before.firstRow;
  after.rows.forEach((sum, row) => (rows[offset + row] = (rows[offset + row] as number) + sum));
  return {
    kind: 'axisSquares',
    firstRow: before.firstRow,
    rows,
    columns: before.columns.map((sum, column) => sum + (after.columns[column] as number)),
    skipped: before.skipped + after.skipped,
  };
}
