import { partOf, turned, type Block, type DenseKernels } from '../wasm/dense-kernels';
import { applyFromLeft, applyFromRight, factorColumns, type Reflectors } from './reflectors';
import type { Stop } from './stop';

/** Diagonal and superdiagonal of an upper bidiagonal matrix; `above` is one shorter. */
export interface Bidiagonal {
  readonly diagonal: Float64Array;
  readonly above: Float64Array;
}

/**
 * Reduces a block with no fewer rows than columns, which is overwritten, to a bidiagonal matrix with the same singular
 * values, to within a few ε‖A‖. In two stages: to a band by blocks of reflections from both sides, nearly all of it
 * matrix products (Großer, Lang 1999), then to two diagonals by chasing the rest down the band.
 */
export function bidiagonalise(kernels: DenseKernels, block: Block, stop: Stop): Bidiagonal {
  const n = block.columns;
  const width = bandWidth(n);
  for (let k = 0; k < n; k += width) {
    const taken = Math.min(width, n - k);
    const left = partOf(block, k, k, block.rows - k, taken);
    const rest = partOf(block, k, k + taken, block.rows - k, n - k - taken);
    kernels.scratch(() => {
      const reflectors = factorColumns(kernels, left);
      writeTriangle(kernels, reflectors, left);
      if (rest.columns > 0) applyFromLeft(kernels, reflectors, rest);
    });
    if (rest.columns === 0) break;
    const across = turned(partOf(rest, 0, 0, taken, rest.columns));
    const below = partOf(rest, taken, 0, Math.max(0, rest.rows - taken), rest.columns);
    kernels.scratch(() => {
      const reflectors = factorColumns(kernels, across);
      writeTriangle(kernels, reflectors, across);
      if (below.rows > 0) applyFromRight(kernels, reflectors, below);
    });
    stop();
  }
  return chaseBand(kernels, block, width, stop);
}

/** Wide enough that products run at full speed, narrow enough that chasing costs little. */
function bandWidth(n: number): number {
  if (n <= 96) return 8;
  return n <= 768 ? 16 : 32;
}

/** Puts R where the columns were that it came from. What is below its last row is not read again. */
function writeTriangle(kernels: DenseKernels, { r }: Reflectors, target: Block): void {
  const memory = kernels.doubles();
  const rows = Math.min(r.rows, target.rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < r.columns; j++) {
      memory[target.place / 8 + i * target.row + j * target.column] = memory[
        r.place / 8 + i * r.row + j
      ] as number;
    }
  }
}

function chaseBand(kernels: DenseKernels, block: Block, width: number, stop: Stop): Bidiagonal {
  const n = block.columns;
  const stride = 3 * width;
  const band = kernels.take(n * (stride + 1) + 3 * width) + 8 * width;
  const v = kernels.take(width);
  const w = kernels.take(3 * width);
  const memory = kernels.doubles();
  memory.fill(0, band / 8 - width, band / 8 - width + n * (stride + 1) + 3 * width);
  for (let i = 0; i < n; i++) {
    const from = block.place / 8 + i * block.row;
    const end = Math.min(n, i + width + 1);
    for (let j = i; j < end; j++) memory[band / 8 + i * stride + j] = memory[from + j] as number;
  }
  const atOnce = Math.max(1, Math.floor(2 ** 24 / (16 * width * n)));
  for (let first = 0; first < n; first += atOnce) {
    kernels.exports.chaseRows(band, n, width, stride, first, Math.min(n, first + atOnce), v, w);
    stop();
  }
  const place = band / 8;
  return {
    diagonal: Float64Array.from({ length: n }, (_, i) => memory[place + i * (stride + 1)] as number),
    above: Float64Array.from(
      { length: Math.max(0, n - 1) },
      (_, i) => memory[place + i * (stride + 1) + 1] as number,
    ),
  };
}
