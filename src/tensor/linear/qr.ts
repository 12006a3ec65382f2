import { DenseKernels, partOf, turned, type Block } from '../wasm/dense-kernels';
import { zeros, type Dense } from './dense';
import { applyFromLeft, factorColumns, type Reflectors } from './reflectors';
import { NEVER, type Stop } from './stop';

/** A thin QR decomposition: `q` rows × k with orthonormal columns, `r` k × columns upper triangular, k = min(rows, columns). */
export interface Qr {
  readonly q: Dense;
  readonly r: Dense;
}

/** Columns that are reflected together. A matrix of no more may be a transposed view: it is not written to. */
export const PANEL = 32;

/**
 * Thin QR by Householder reflections (Golub, Van Loan, Matrix Computations, 5.2), by blocks of columns. Diagonal entries
 * of `r` may be negative or 0.
 */
export function thinQr(matrix: Dense): Qr {
  const { rows, columns, values } = matrix;
  const k = Math.min(rows, columns);
  return (
    DenseKernels.use((kernels) => {
      const { r, reflectors } = triangularise(kernels, kernels.put(values, rows, columns), true, NEVER);
      const q = formQ(kernels, reflectors, rows, k);
      return {
        q: { rows, columns: k, values: kernels.get(q) },
        r: { rows: k, columns, values: kernels.get(r) },
      };
    }) ?? plainThinQr(matrix)
  );
}

/**
 * R of a block, which is overwritten, and the reflections that lead to it, in order. Unless `keep` is set these are dropped
 * as soon as they are applied: they take as much memory as the block.
 */
export function triangularise(
  kernels: DenseKernels,
  block: Block,
  keep: boolean,
  stop: Stop,
): { readonly r: Block; readonly reflectors: readonly PlacedReflectors[] } {
  const { rows, columns } = block;
  const k = Math.min(rows, columns);
  const reflectors: PlacedReflectors[] = [];
  const r = kernels.zeroBlock(k, columns);
  const step = (first: number): void => {
    const width = Math.min(PANEL, k - first);
    const own = factorColumns(kernels, partOf(block, first, first, rows - first, width));
    if (keep) reflectors.push({ first, own });
    copyRows(kernels, own.r, partOf(r, first, first, width, width));
    const right = columns - first - width;
    if (right === 0) return;
    kernels.scratch(() => {
      applyFromLeft(kernels, own, partOf(block, first, first + width, rows - first, right));
    });
    const beside = partOf(block, first, first + width, width, right);
    copyRows(kernels, beside, partOf(r, first, first + width, width, right));
  };
  for (let first = 0; first < k; first += PANEL) {
    if (keep) step(first);
    else kernels.scratch(() => step(first));
    stop();
  }
  return { r, reflectors };
}

/** Reflections of the rows from `first` on. */
export interface PlacedReflectors {
  readonly first: number;
  readonly own: Reflectors;
}

/** The first `k` columns of the product of reflections. */
export function formQ(
  kernels: DenseKernels,
  reflectors: readonly PlacedReflectors[],
  rows: number,
  k: number,
): Block {
  const q = kernels.zeroBlock(rows, k);
  const memory = kernels.doubles();
  for (let i = 0; i < k; i++) memory[q.place / 8 + i * (q.row + 1)] = 1;
  for (const { first, own } of [...reflectors].reverse()) {
    // Columns before `first` are 0 below it, and stay so.
    const part = partOf(q, first, first, rows - first, k - first);
    kernels.scratch(() => applyFromLeft(kernels, { ...own, t: turned(own.t) }, part));
  }
  return q;
}

/** Replaces a block of no more columns than rows by the Q of its thin QR decomposition. */
export function orthonormalColumns(kernels: DenseKernels, block: Block, stop: Stop): void {
  kernels.scratch(() => {
    const { reflectors } = triangularise(kernels, block, true, stop);
    copyRows(kernels, formQ(kernels, reflectors, block.rows, block.columns), block);
  });
}

function copyRows(kernels: DenseKernels, from: Block, to: Block): void {
  const memory = kernels.doubles();
  for (let i = 0; i < to.rows; i++) {
    const start = from.place / 8 + i * from.row;
    memory.copyWithin(to.place / 8 + i * to.row, start, start + to.columns);
  }
}

/** The same, one column after the other, in plain TypeScript. */
function plainThinQr(matrix: Dense): Qr {
  const { rows: m, columns: n } = matrix;
  const k = Math.min(m, n);
  const work = Float64Array.from(matrix.values);
  const reflectors: Float64Array[] = [];
  for (let j = 0; j < k; j++) {
    const v = reflector(work, m, n, j);
    reflectors.push(v);
    reflect(work, n, v, j, j);
  }
  const r = zeros(k, n);
  for (let i = 0; i < k; i++) {
    for (let j = i; j < n; j++) r.values[i * n + j] = work[i * n + j] as number;
  }
  const q = zeros(m, k);
  for (let i = 0; i < k; i++) q.values[i * k + i] = 1;
  for (let j = k - 1; j >= 0; j--) reflect(q.values, k, reflectors[j] as Float64Array, j, 0);
  return { q, r };
}

/** The unit vector v of the reflection 1 − 2vvᵀ that clears column j below the diagonal; zeros where it is clear. */
function reflector(work: Float64Array, m: number, n: number, j: number): Float64Array {
  const v = new Float64Array(m);
  let squares = 0;
  for (let i = j; i < m; i++) {
    v[i] = work[i * n + j] as number;
    squares += (v[i] as number) ** 2;
  }
  const norm = Math.sqrt(squares);
  if (norm === 0) return v;
  const head = v[j] as number;
  v[j] = head + (head >= 0 ? norm : -norm);
  let length = 0;
  for (let i = j; i < m; i++) length += (v[i] as number) ** 2;
  length = Math.sqrt(length);
  for (let i = j; i < m; i++) v[i] = (v[i] as number) / length;
  return v;
}

function reflect(
  values: Float64Array,
  n: number,
  v: Float64Array,
  firstRow: number,
  firstColumn: number,
): void {
  for (let column = firstColumn; column < n; column++) {
    let sum = 0;
    for (let i = firstRow; i < v.length; i++) sum += (v[i] as number) * (values[i * n + column] as number);
    if (sum === 0) continue;
    for (let i = firstRow; i < v.length; i++) {
      values[i * n + column] = (values[i * n + column] as number) - 2 * sum * (v[i] as number);
    }
  }
}
