import { turned, type Block, type DenseKernels } from '../wasm/dense-kernels';

/**
 * A product of Householder reflections Q = 1 − V·T·Vᵀ (Schreiber, Van Loan 1989) with Qᵀx = R for the x it was made of:
 * `v` m × k, unit lower trapezoidal; `t` k × k and `r` k × k, upper triangular.
 */
export interface Reflectors {
  readonly v: Block;
  readonly t: Block;
  readonly r: Block;
}

/** The reflections that take a block of few columns to upper triangular form. The block stays as it is. */
export function factorColumns(kernels: DenseKernels, block: Block): Reflectors {
  const { rows, columns: width } = block;
  const stride = paddedColumn(rows);
  const panel = kernels.take(width * stride);
  const [r, t, products] = [
    kernels.squareBlock(width),
    kernels.squareBlock(width),
    kernels.squareBlock(width),
  ];
  const taus = kernels.take(width);
  copyToPanel(kernels, block, panel, stride);
  kernels.exports.factorPanel(panel, rows, width, stride, r.place, taus);
  const v: Block = { place: panel, rows, columns: width, row: 1, column: stride };
  kernels.clear(products);
  kernels.addProduct(1, turned(v), v, products);
  kernels.exports.triangle(products.place, taus, width, t.place);
  return { v, t, r };
}

/** x ← Qᵀx = x − V·Tᵀ·(Vᵀx) */
export function applyFromLeft(kernels: DenseKernels, { v, t }: Pick<Reflectors, 'v' | 't'>, x: Block): void {
  const w = kernels.zeroBlock(v.columns, x.columns);
  kernels.addProduct(1, turned(v), x, w);
  const tw = kernels.zeroBlock(v.columns, x.columns);
  kernels.addProduct(1, turned(t), w, tw);
  kernels.addProduct(-1, v, tw, x);
}

/** x ← xQ = x − (xV)·T·Vᵀ */
export function applyFromRight(kernels: DenseKernels, { v, t }: Pick<Reflectors, 'v' | 't'>, x: Block): void {
  const w = kernels.zeroBlock(x.rows, v.columns);
  kernels.addProduct(1, x, v, w);
  const wt = kernels.zeroBlock(x.rows, v.columns);
  kernels.addProduct(1, w, t, wt);
  kernels.addProduct(-1, wt, turned(v), x);
}

function copyToPanel(kernels: DenseKernels, block: Block, panel: number, stride: number): void {
  const { place, rows, columns, row, column } = block;
  if (column === 1) {
    kernels.exports.columnsToPanel(place, rows, columns, row, panel, stride);
    return;
  }
  const memory = kernels.doubles();
  for (let j = 0; j < columns; j++) {
    const from = place / 8 + j * column;
    if (row === 1) memory.copyWithin(panel / 8 + j * stride, from, from + rows);
    else for (let i = 0; i < rows; i++) memory[panel / 8 + j * stride + i] = memory[from + i * row] as number;
  }
}

function paddedColumn(rows: number): number {
  return rows + (rows % 2) + 8;
}
