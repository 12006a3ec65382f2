import { DenseKernels, partOf, turned, type Block } from '../wasm/dense-kernels';
import { forRows, wholeMatrix, type Entries } from './entries';
import { addUpperGram, mirror } from './multiply';
import type { Stop } from './stop';
import { blockValues, singularValues, withError, type Spectrum } from './svd';

const EPSILON = 2 ** -52;
/** A matrix of no more entries is held whole: 160 MiB of doubles. */
const MOST_HELD = 20 * 2 ** 20;
/** Longest shorter side whose Gram matrix is formed: 512 MiB of doubles. */
export const LONGEST_SIDE = 8192;
/** Entries that are read between two products. */
const PIECE = 2 ** 20;

/**
 * Singular values of a matrix of any length. One that fits is reduced as it is, every value exact to a few ε of the
 * largest; of a larger one the Gram matrix of the shorter side is formed in float64 from pieces, which costs the digits of
 * values below 1e-8 of the largest (`error` says so). `null` where the shorter side is longer than
 * {@link LONGEST_SIDE}. A worker's memory holds at most the matrix (160 MiB) or its Gram matrix (512 MiB).
 */
export function spectrumOf(entries: Entries, stop: Stop): Spectrum | null {
  const { rows, columns } = entries;
  const n = Math.min(rows, columns);
  const byGram = entries.rows <= entries.columns ? entries.hasColumns : true;
  if (rows * columns <= MOST_HELD || (!byGram && rows * columns <= 4 * MOST_HELD))
    return heldSpectrum(entries, stop);
  if (n > LONGEST_SIDE || !byGram) return null;
  return DenseKernels.use((kernels) => gramSpectrum(kernels, entries, n, stop)) ?? null;
}

function heldSpectrum(entries: Entries, stop: Stop): Spectrum {
  const { rows, columns } = entries;
  // Small ones are not worth the pieces.
  if (rows * columns < PIECE) return singularValues(wholeMatrix(entries), stop);
  const found = DenseKernels.use((kernels) => {
    // Read to where it is worked on, standing up: never twice in memory.
    const tall = rows >= columns;
    const block = tall ? kernels.block(rows, columns) : kernels.block(columns, rows);
    const piece = new Float64Array(PIECE + columns);
    forRows(entries, (first, end) => {
      entries.read(first, end, 0, columns, piece);
      if (tall) kernels.putRows(piece, partOf(block, first, 0, end - first, columns));
      else kernels.putColumns(piece, partOf(block, 0, first, columns, end - first));
      stop();
    });
    return withError(blockValues(kernels, block, stop), rows, columns);
  });
  return found ?? singularValues(wholeMatrix(entries), stop);
}

function gramSpectrum(kernels: DenseKernels, entries: Entries, n: number, stop: Stop): Spectrum {
  const gram = kernels.zeroBlock(n, n);
  kernels.scratch(() => addPieces(kernels, entries, gram, stop));
  mirror(kernels, gram);
  const squares = blockValues(kernels, gram, stop);
  const values = squares.map(Math.sqrt);
  // An error of a square is the larger one for the root the smaller that is; for 0 it is the root of the error.
  const error = Math.sqrt((squares[0] ?? 0) * EPSILON * Math.max(entries.rows, entries.columns));
  return { values, error };
}

/** Adds the products of all pieces: of runs of rows where these are the long side, else of runs of columns. */
function addPieces(kernels: DenseKernels, entries: Entries, gram: Block, stop: Stop): void {
  const { rows, columns } = entries;
  const n = gram.rows;
  const length = Math.max(1, Math.floor(PIECE / n));
  const long = Math.max(rows, columns);
  const held = kernels.block(rows > columns ? length : n, rows > columns ? n : length);
  const piece = new Float64Array(length * n);
  for (let first = 0; first < long; first += length) {
    const end = Math.min(long, first + length);
    if (rows > columns) entries.read(first, end, 0, columns, piece);
    else entries.read(0, rows, first, end, piece);
    const part = rows > columns ? partOf(held, 0, 0, end - first, n) : partOf(held, 0, 0, n, end - first);
    kernels.putRows(piece, part);
    addUpperGram(kernels, rows > columns ? turned(part) : part, gram);
    stop();
  }
}
