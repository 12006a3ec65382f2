import { DenseKernels, partOf, turned, type Block } from '../wasm/dense-kernels';
import { zeros, type Dense } from './dense';
import { jacobiSvd } from './jacobi';
import { applyFromRight } from './reflectors';
import { NEVER, type Stop } from './stop';

/** Eigenvalues, descending, and unit eigenvectors as the rows of `vectors`. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  readonly vectors: Dense;
}

const EPSILON = 2 ** -52;
/** QL steps per eigenvalue before giving up; two are usual. */
const MOST_STEPS = 80;
/** Steps after which the rounding error of the largest counts as nothing: among errors alone steps need not come to an end. */
const PATIENT_STEPS = 30;
/** Reflections that are applied to the eigenvectors together. */
const PANEL = 32;

/**
 * All eigenvalues and eigenvectors of a symmetric matrix, exact to a few ε of the largest magnitude: to three diagonals by
 * Householder reflections, then implicit QL steps (Golub, Van Loan, Matrix Computations, 8.3; EISPACK's tql2). A matrix
 * that is not square is a caller's mistake: RangeError.
 */
export function symmetricEigen(matrix: Dense): SymmetricEigen {
  const n = matrix.rows;
  if (n !== matrix.columns) throw new RangeError(`a ${n} × ${matrix.columns} matrix has no eigenvalues`);
  return (
    DenseKernels.use((kernels) => {
      const { values, vectors } = eigenRows(kernels, kernels.put(matrix.values, n, n), NEVER);
      const order = Array.from(values.keys()).sort((a, b) => (values[b] as number) - (values[a] as number));
      const rows = kernels.get(vectors);
      const sorted = new Float64Array(n * n);
      order.forEach((from, to) => sorted.set(rows.subarray(from * n, (from + 1) * n), to * n));
      return {
        values: Float64Array.from(order, (from) => values[from] as number),
        vectors: { rows: n, columns: n, values: sorted },
      };
    }) ?? plainSymmetricEigen(matrix)
  );
}

/** Eigenvalues in no order and unit eigenvectors as rows, of a symmetric block, which is overwritten. */
export function eigenRows(
  kernels: DenseKernels,
  block: Block,
  stop: Stop,
): { readonly values: Float64Array; readonly vectors: Block } {
  const n = block.rows;
  const [d, e, taus, p] = [kernels.take(n), kernels.take(n), kernels.take(n), kernels.take(n)];
  kernels.view(e, n).fill(0);
  kernels.view(taus, n).fill(0);
  const atOnce = Math.max(1, Math.floor(2 ** 28 / (n * n)));
  for (let first = 0; first < n; first += atOnce) {
    const end = Math.min(n, first + atOnce);
    kernels.exports.tridiagonalSteps(block.place, n, block.row, first, end, d, e, taus, p);
    stop();
  }
  const vectors = kernels.zeroBlock(n, n);
  for (let i = 0; i < n; i++) kernels.doubles()[vectors.place / 8 + i * (vectors.row + 1)] = 1;
  const values = qlSteps(kernels, kernels.view(d, n).slice(), kernels.view(e, n).slice(), vectors, stop);
  turnBack(kernels, block, taus, vectors, stop);
  return { values, vectors };
}

/** Eigenvalues of a tridiagonal matrix, its diagonal given; the rows of `vectors` are rotated along. */
function qlSteps(
  kernels: DenseKernels,
  d: Float64Array,
  e: Float64Array,
  vectors: Block,
  stop: Stop,
): Float64Array {
  const n = d.length;
  const turns = kernels.take(2 * n);
  // An absolute floor: beside the largest entries, smaller ones than this are rounding errors anyway.
  let size = 0;
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(d[i] as number), Math.abs(e[i] as number));
  const floors = [0.01 * EPSILON * size, EPSILON * size] as const;
  for (let l = 0; l < n; l++) {
    for (let steps = 0; ; steps++) {
      const floor = floors[steps < PATIENT_STEPS ? 0 : 1];
      let m = l;
      for (; m < n - 1; m++) {
        const around = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number);
        if (Math.abs(e[m] as number) <= Math.max(EPSILON * around, floor)) break;
      }
      if (m === l) break;
      if (steps === MOST_STEPS)
        throw new RangeError('the eigenvalues of a tridiagonal matrix do not converge');
      const count = qlStep(d, e, l, m, kernels.view(turns, 2 * n));
      kernels.exports.rotateRows(vectors.place, vectors.row, n, m - 1, count, turns);
    }
    if (l % 32 === 0) stop();
  }
  return d;
}

/** One implicit QL step on rows `l … m`; leaves cosines and sines of its rotations, and returns how many there are. */
function qlStep(d: Float64Array, e: Float64Array, l: number, m: number, turns: Float64Array): number {
  const el = e[l] as number;
  let g = ((d[l + 1] as number) - (d[l] as number)) / (2 * el);
  let r = Math.hypot(g, 1);
  g = (d[m] as number) - (d[l] as number) + el / (g + (g >= 0 ? r : -r));
  let s = 1;
  let c = 1;
  let p = 0;
  let count = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * (e[i] as number);
    const b = c * (e[i] as number);
    r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] = (d[i + 1] as number) - p;
      e[m] = 0;
      return count;
    }
    s = f / r;
    c = g / r;
    g = (d[i + 1] as number) - p;
    r = ((d[i] as number) - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    turns[2 * count] = c;
    turns[2 * count + 1] = s;
    count++;
  }
  d[l] = (d[l] as number) - p;
  e[l] = g;
  e[m] = 0;
  return count;
}

/** From eigenvectors of the tridiagonal matrix to those of the matrix: the reflections, last ones first. */
function turnBack(kernels: DenseKernels, block: Block, taus: number, vectors: Block, stop: Stop): void {
  const n = block.rows;
  for (let first = Math.floor((n - 1) / PANEL) * PANEL; first >= 0; first -= PANEL) {
    const width = Math.min(PANEL, n - first);
    kernels.scratch(() => {
      // Row j holds the vector of reflection j.
      const v = turned(partOf(block, first, 0, width, n));
      const products = kernels.squareBlock(width);
      kernels.clear(products);
      kernels.addProduct(1, turned(v), v, products);
      const t = kernels.squareBlock(width);
      kernels.exports.triangle(products.place, taus + 8 * first, width, t.place);
      applyFromRight(kernels, { v, t: turned(t) }, vectors);
    });
    stop();
  }
}

/** Shifted by its norm a matrix is positive semidefinite, and its singular values are its eigenvalues plus the shift. */
function plainSymmetricEigen(matrix: Dense): SymmetricEigen {
  const n = matrix.rows;
  let squares = 0;
  for (const value of matrix.values) squares += value * value;
  const shift = Math.sqrt(squares);
  const shifted = zeros(n, n);
  shifted.values.set(matrix.values);
  for (let i = 0; i < n; i++) shifted.values[i * n + i] = (shifted.values[i * n + i] as number) + shift;
  const { values, right } = jacobiSvd(shifted);
  return { values: values.map((value) => value - shift), vectors: right };
}
