import { DenseKernels, turned, type Block } from '../wasm/dense-kernels';
import { productsWith, type Products } from './block-products';
import { columnsOf, rowsOf, transposed, type Dense } from './dense';
import { entriesOf, wholeMatrix, type Entries } from './entries';
import { orthonormalColumns } from './qr';
import { NEVER, type Stop } from './stop';
import { svd, type Svd } from './svd';

/** Matrices with a side no longer than this are decomposed as a whole. */
const SMALL = 256;
/** Directions beyond those wanted: the more, the closer the last ones come. */
const OVERSAMPLING = 8;
/** A residual below so much of the largest value is worth a product in float64. */
const EXACT = 1e-4;
const EPSILON = 2 ** -52;
/**
 * The `rank` largest singular values with their vectors; fewer where the matrix has fewer. Small matrices, and ranks near the
 * shorter side, exactly; otherwise by a randomised range finder with power iterations (Halko, Martinsson, Tropp 2011,
 * algorithms 4.4 and 5.1), the same result every time. `error` is then measured: the largest residual
 * ‖Aᵀuᵢ − σᵢvᵢ‖ of the wanted triples before the last step, and there is a true singular value within it of each.
 */
export function truncatedSvd(matrix: Dense, rank: number, stop: Stop = NEVER): Svd {
  return truncatedSvdOf(entriesOf(matrix), rank, stop);
}

/** {@link truncatedSvd} of a matrix of any length; one larger than memory is read again for each of its products. */
export function truncatedSvdOf(entries: Entries, rank: number, stop: Stop): Svd {
  const { rows, columns } = entries;
  const side = Math.min(rows, columns);
  const wanted = Math.min(rank, side);
  const width = Math.min(side, wanted + OVERSAMPLING);
  const found =
    side <= SMALL || width > side / 2
      ? null
      : DenseKernels.use((kernels) => randomised(kernels, entries, wanted, width, stop));
  return found ?? firstOf(svd(wholeMatrix(entries), stop), wanted);
}

/** The first `k` singular values with their vectors; all where there are no more. */
export function firstOf({ left, values, right, error }: Svd, k: number): Svd {
  if (k >= values.length) return { left, values, right, error };
  return { left: columnsOf(left, 0, k), values: values.slice(0, k), right: rowsOf(right, 0, k), error };
}

function randomised(kernels: DenseKernels, entries: Entries, wanted: number, width: number, stop: Stop): Svd {
  const { rows, columns } = entries;
  const product = productsWith(kernels, entries, stop);
  const right = kernels.block(columns, width);
  fillRandom(kernels.view(right.place, columns * right.row));
  const left = kernels.block(rows, width);
  product.timesRight(right, left, true);
  orthonormalColumns(kernels, left, stop);
  product.timesLeft(left, right, true);
  orthonormalColumns(kernels, right, stop);
  let step = triples(kernels, product, left, right, wanted, true, stop);
  if (step.residual < EXACT * step.largest) {
    // Close enough for float32 to be what is in the way.
    product.timesLeft(left, right, false);
    orthonormalColumns(kernels, right, stop);
    step = triples(kernels, product, left, right, wanted, false, stop);
  }
  // Aᵀ·u = v·diag(values)·turn: the best that this u gives.
  const last = svd(denseOf(kernels, right), stop);
  const turnedLeft = kernels.zeroBlock(rows, width);
  kernels.addProduct(1, left, turned(kernels.put(last.right.values, width, width)), turnedLeft);
  return {
    left: columnsOf(denseOf(kernels, turnedLeft), 0, wanted),
    values: last.values.slice(0, wanted),
    right: rowsOf(transposed(last.left), 0, wanted),
    error: step.residual + step.largest * EPSILON * Math.max(rows, columns),
  };
}

/**
 * From an orthonormal `right`: A·right = u·diag(s)·turn, so (s, u, v = right·turnᵀ) are triples of A but for what Aᵀu has
 * outside of `right`. Leaves u in `left` and Aᵀu in `right`; the residual is the largest ‖Aᵀuᵢ − sᵢvᵢ‖ of those wanted.
 */
function triples(
  kernels: DenseKernels,
  product: Products,
  left: Block,
  right: Block,
  wanted: number,
  rough: boolean,
  stop: Stop,
): { readonly residual: number; readonly largest: number } {
  product.timesRight(right, left, rough);
  const found = svd(denseOf(kernels, left), stop);
  const width = right.columns;
  return kernels.scratch(() => {
    const turnedRight = kernels.zeroBlock(right.rows, width);
    kernels.addProduct(1, right, turned(kernels.put(found.right.values, width, width)), turnedRight);
    kernels.putRows(found.left.values, left);
    product.timesLeft(left, right, rough);
    return {
      residual: largestResidual(kernels, right, turnedRight, found.values, wanted),
      largest: found.values[0] ?? 0,
    };
  });
}

function denseOf(kernels: DenseKernels, block: Block): Dense {
  return { rows: block.rows, columns: block.columns, values: kernels.get(block) };
}

/** Largest ‖zᵢ − sᵢvᵢ‖ over the first columns of z and v. */
function largestResidual(
  kernels: DenseKernels,
  z: Block,
  v: Block,
  values: Float64Array,
  wanted: number,
): number {
  const memory = kernels.doubles();
  const squares = new Float64Array(wanted);
  for (let i = 0; i < z.rows; i++) {
    for (let k = 0; k < wanted; k++) {
      const off =
        (memory[z.place / 8 + i * z.row + k] as number) -
        (values[k] as number) * (memory[v.place / 8 + i * v.row + k] as number);
      squares[k] = (squares[k] as number) + off * off;
    }
  }
  return Math.sqrt(squares.reduce((most, value) => Math.max(most, value), 0));
}

/** Numbers from −1 to 1 of a generator that always starts the same (mulberry32): directions as good as normal ones. */
function fillRandom(target: Float64Array): void {
  let state = 0x9e3779b9;
  for (let i = 0; i < target.length; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    target[i] = ((t ^ (t >>> 14)) + 0.5) / 2 ** 31;
  }
}
