import { DenseKernels, turned, type Block } from '../wasm/dense-kernels';
import { bidiagonalise } from './bidiagonal';
import { bidiagonalValues } from './bidiagonal-values';
import { transposed, type Dense } from './dense';
import { jacobiSvd } from './jacobi';
import { formQ, triangularise } from './qr';
import { NEVER, type Stop } from './stop';
import { eigenRows } from './symmetric-eigen';

/** A thin singular value decomposition x = left · diag(values) · right. */
export interface Svd {
  /** rows × k, orthonormal columns. Columns here, or rows of `right`, of a singular value of 0 may be 0. */
  readonly left: Dense;
  /** Descending, k of them. */
  readonly values: Float64Array;
  /** k × columns, orthonormal rows. */
  readonly right: Dense;
  /** Bound of the error of any singular value, in the units of the values. */
  readonly error: number;
}

/** Singular values alone, descending, with the bound of their error. */
export interface Spectrum {
  readonly values: Float64Array;
  readonly error: number;
}

const EPSILON = 2 ** -52;
/** Sides up to this long are left to rotations alone; beyond, these start from the eigenvectors of a Gram matrix. */
const SMALL = 32;
const MOST_SWEEPS = 40;

/**
 * All singular values of a matrix, min(rows, columns) of them, by reduction to two diagonals: 8/3·n³ steps for n × n.
 * Every value is exact to a few ε of the largest one.
 */
export function singularValues(matrix: Dense, stop: Stop = NEVER): Spectrum {
  const scale = scaleOf(matrix);
  if (scale !== 1) {
    const { values, error } = singularValues(scaled(matrix, scale), stop);
    return { values: values.map((value) => value / scale), error: error / scale };
  }
  return (
    DenseKernels.use((kernels) => {
      const { rows, columns, values } = matrix;
      const tall = kernels.putTall(values, rows, columns);
      return withError(blockValues(kernels, tall, stop), rows, columns);
    }) ?? valuesOf(jacobiSvd(matrix))
  );
}

function valuesOf({ values, error }: Svd): Spectrum {
  return { values, error };
}

/** Singular values of a block with no fewer rows than columns, which is overwritten. */
export function blockValues(kernels: DenseKernels, tall: Block, stop: Stop): Float64Array {
  // Where there are many more rows than columns, QR halves the work.
  const { rows, columns } = tall;
  const square = rows > 1.6 * columns ? triangularise(kernels, tall, false, stop).r : tall;
  return bidiagonalValues(bidiagonalise(kernels, square, stop));
}

/**
 * The whole thin decomposition: QR, rotations of the rows of R until they are orthogonal. For larger matrices the rotations
 * start from the eigenvectors of R·Rᵀ, so that few are left to do.
 */
export function svd(matrix: Dense, stop: Stop = NEVER): Svd {
  const scale = scaleOf(matrix);
  if (scale !== 1) {
    const found = svd(scaled(matrix, scale), stop);
    return { ...found, values: found.values.map((value) => value / scale), error: found.error / scale };
  }
  if (matrix.rows < matrix.columns) {
    const { left, values, right, error } = svd(transposed(matrix), stop);
    return { left: transposed(right), values, right: transposed(left), error };
  }
  return DenseKernels.use((kernels) => kernelSvd(kernels, matrix, stop)) ?? jacobiSvd(matrix);
}

function kernelSvd(kernels: DenseKernels, { rows, columns: n, values }: Dense, stop: Stop): Svd {
  const { r, reflectors } = triangularise(kernels, kernels.put(values, rows, n), true, stop);
  let basis: Block;
  let work: Block;
  if (n <= SMALL) {
    basis = kernels.zeroBlock(n, n);
    for (let i = 0; i < n; i++) kernels.doubles()[basis.place / 8 + i * (basis.row + 1)] = 1;
    work = r;
  } else {
    const gram = kernels.zeroBlock(n, n);
    kernels.addProduct(1, r, turned(r), gram);
    basis = eigenRows(kernels, gram, stop).vectors;
    work = kernels.zeroBlock(n, n);
    kernels.addProduct(1, basis, r, work);
  }
  const squares = kernels.take(n);
  const tolerance = EPSILON * Math.sqrt(Math.max(n, 4));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    stop();
    const { place, row } = work;
    const turns = kernels.exports.jacobiSweep(
      ...([place, n, n, row, basis.place, n, basis.row, squares, tolerance] as const),
    );
    if (turns === 0) break;
  }
  const inner = sortedRows(kernels.get(work), kernels.get(basis), n);
  // R = basisᵀ · work, so the left vectors are Q · basisᵀ.
  const left = kernels.zeroBlock(rows, n);
  const q = formQ(kernels, reflectors, rows, n);
  kernels.addProduct(1, q, turned(kernels.put(inner.basis, n, n)), left);
  return {
    left: { rows, columns: n, values: kernels.get(left) },
    values: inner.values,
    right: { rows: n, columns: n, values: inner.right },
    error: withError(inner.values, rows, n).error,
  };
}

/** Lengths of the rows of `work` as singular values, descending; rows to unit length, and `basis` in the same order. */
function sortedRows(
  work: Float64Array,
  basis: Float64Array,
  n: number,
): { values: Float64Array; right: Float64Array; basis: Float64Array } {
  const norms = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += (work[i * n + k] as number) ** 2;
    return Math.sqrt(sum);
  });
  const order = Array.from(norms.keys()).sort((a, b) => (norms[b] as number) - (norms[a] as number));
  const right = new Float64Array(n * n);
  const turnedBasis = new Float64Array(n * n);
  order.forEach((from, to) => {
    const norm = norms[from] as number;
    turnedBasis.set(basis.subarray(from * n, (from + 1) * n), to * n);
    if (norm === 0) return;
    for (let k = 0; k < n; k++) right[to * n + k] = (work[from * n + k] as number) / norm;
  });
  return { values: Float64Array.from(order, (from) => norms[from] as number), right, basis: turnedBasis };
}

/** Magnitudes whose fourth powers are still far from where float64 ends. */
const TAME = { least: 2 ** -200, most: 2 ** 200 };

/** A power of two that brings the largest entry to about 1; 1 where it is tame as it is. */
function scaleOf({ values }: Dense): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (!Number.isFinite(largest) || largest === 0 || (largest >= TAME.least && largest <= TAME.most)) return 1;
  return 2 ** Math.min(1000, -Math.floor(Math.log2(largest)));
}

function scaled(matrix: Dense, scale: number): Dense {
  return { ...matrix, values: matrix.values.map((value) => value * scale) };
}

/** Singular values with what rounding does to any of them: ε · max(rows, columns) of the largest. */
export function withError(values: Float64Array, rows: number, columns: number): Spectrum {
  return { values, error: (values[0] ?? 0) * EPSILON * Math.max(rows, columns) };
}
