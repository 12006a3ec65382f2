import { DenseKernels, partOf, turned, type Block } from '../wasm/dense-kernels';
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
/** Entries read at a time. */
const PIECE = 2 ** 20;
/** Entries up to which a matrix is held in memory (160 MiB of doubles); a larger one is read for every product. */
const MOST_HELD = 20 * 2 ** 20;

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
  fillNormal(kernels.view(right.place, columns * right.row));
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

/**
 * Products of a matrix with blocks of a few columns. Rough ones are summed in float32: good enough to find directions, and
 * for values that have not come closer than that.
 */
interface Products {
  /** left ← A·right */
  timesRight(right: Block, left: Block, rough: boolean): void;
  /** right ← Aᵀ·left */
  timesLeft(left: Block, right: Block, rough: boolean): void;
}

function productsWith(kernels: DenseKernels, entries: Entries, stop: Stop): Products {
  const eachPart = partsOf(kernels, entries, stop);
  let tame = true;
  const timesRight = (right: Block, left: Block, rough: boolean): void => {
    kernels.clear(left);
    eachPart((first, part) => {
      kernels.addProduct(1, part, right, partOf(left, first, 0, part.rows, left.columns), rough && tame);
    });
    if (!rough || !tame || isTame(kernels.view(left.place, left.rows * left.row))) return;
    tame = false;
    timesRight(right, left, false);
  };
  return {
    timesRight,
    timesLeft(left, right, rough) {
      kernels.clear(right);
      eachPart((first, part) => {
        const own = partOf(left, first, 0, part.rows, left.columns);
        kernels.addProduct(1, turned(part), own, right, rough && tame);
      });
    },
  };
}

/** Goes through a matrix by runs of rows: held where it fits, else read again every time. */
function partsOf(
  kernels: DenseKernels,
  entries: Entries,
  stop: Stop,
): (take: (first: number, part: Block) => void) => void {
  const { rows, columns } = entries;
  const held = rows * columns <= MOST_HELD ? kernels.block(rows, columns) : null;
  const length = Math.max(1, Math.min(rows, Math.floor(PIECE / columns)));
  const block = held ?? kernels.block(length, columns);
  // Rows whose bytes can be told apart are decoded right where they belong.
  const piece = entries.hasColumns ? null : new Float64Array(length * columns);
  const readRows = (first: number, end: number, part: Block): void => {
    if (piece === null) {
      for (let i = first; i < end; i++) {
        entries.read(i, i + 1, 0, columns, kernels.view(part.place + 8 * (i - first) * part.row, columns));
      }
      return;
    }
    entries.read(first, end, 0, columns, piece);
    kernels.putRows(piece, part);
  };
  let isRead = false;
  return (take) => {
    for (let first = 0; first < rows; first += length) {
      const end = Math.min(rows, first + length);
      const part = partOf(block, held === null ? 0 : first, 0, end - first, columns);
      if (held === null || !isRead) readRows(first, end, part);
      take(first, part);
      stop();
    }
    isRead = true;
  };
}

/** Whether what came of a rough product shows that the entries which matter are well within float32. */
function isTame(values: Float64Array): boolean {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest > 1e-25 && largest < 1e25;
}

/** Normally distributed numbers (Box, Muller 1958) from a generator that always starts the same (mulberry32). */
function fillNormal(target: Float64Array): void {
  let state = 0x9e3779b9;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < target.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    target[i] = radius * Math.cos(angle);
    if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle);
  }
}
