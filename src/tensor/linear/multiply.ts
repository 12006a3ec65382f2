import { DenseKernels, partOf, turned, type Block } from '../wasm/dense-kernels';
import { transposed, zeros, type Dense } from './dense';

/** Below so many steps a product is not worth the way into the kernels' memory. */
const SMALL = 4096;

/** x·y, (m × k)·(k × n) → m × n, in float64. Shapes that do not fit are a caller's mistake: RangeError. */
export function multiply(x: Dense, y: Dense): Dense {
  if (x.columns !== y.rows) {
    throw new RangeError(`a ${x.rows} × ${x.columns} and a ${y.rows} × ${y.columns} matrix have no product`);
  }
  if (x.rows * x.columns * y.columns <= SMALL) return plainProduct(x, transposed(y));
  return kernelProduct(x, y, (block) => block) ?? plainProduct(x, transposed(y));
}

/** x·yᵀ, (m × k)·(n × k)ᵀ → m × n, in float64. */
export function multiplyTransposed(x: Dense, y: Dense): Dense {
  if (x.columns !== y.columns) {
    throw new RangeError(
      `a ${x.rows} × ${x.columns} and a (${y.rows} × ${y.columns})ᵀ matrix have no product`,
    );
  }
  if (x.rows * x.columns * y.rows <= SMALL) return plainProduct(x, y);
  return kernelProduct(x, y, turned) ?? plainProduct(x, y);
}

/** Gram matrix of the shorter side, in float64: x·xᵀ where there are no more rows than columns, else xᵀ·x. */
export function shortGram(x: Dense): Dense {
  const n = Math.min(x.rows, x.columns);
  return (
    DenseKernels.use((kernels) => {
      const block = kernels.put(x.values, x.rows, x.columns);
      const gram = kernels.zeroBlock(n, n);
      addGram(kernels, x.rows <= x.columns ? block : turned(block), gram);
      return { rows: n, columns: n, values: kernels.get(gram) };
    }) ?? plainGram(x)
  );
}

/**
 * x·xᵀ formed in float64, its upper triangle row by row and √2 times what is beside the diagonal, n(n + 1)/2 numbers: the
 * inner product of two such rows of numbers is that of the matrices. `single` rounds them to float32.
 */
export function packedRowGram(x: Dense, single: boolean): Float64Array | Float32Array {
  const n = x.rows;
  const packed = single ? new Float32Array((n * (n + 1)) / 2) : new Float64Array((n * (n + 1)) / 2);
  const pack = (values: Float64Array, first: number, row: number): void => {
    let to = 0;
    for (let i = 0; i < n; i++) {
      const start = first + i * row;
      packed[to++] = values[start + i] as number;
      for (let j = i + 1; j < n; j++) packed[to++] = Math.SQRT2 * (values[start + j] as number);
    }
  };
  const done = DenseKernels.use((kernels) => {
    const gram = kernels.zeroBlock(n, n);
    addUpperGram(kernels, kernels.put(x.values, n, x.columns), gram);
    pack(kernels.doubles(), gram.place / 8, gram.row);
    return true;
  });
  if (done === null) pack(plainProduct(x, x).values, 0, n);
  return packed;
}

/** Columns of a Gram matrix that are formed together. */
const GRAM_STRIP = 256;

/** gram += x·xᵀ, the upper half computed and the lower one copied from it. */
export function addGram(kernels: DenseKernels, x: Block, gram: Block): void {
  addUpperGram(kernels, x, gram);
  mirror(kernels, gram);
}

/** gram += x·xᵀ, right of the diagonal and a little to the left of it. */
export function addUpperGram(kernels: DenseKernels, x: Block, gram: Block): void {
  const n = gram.rows;
  for (let first = 0; first < n; first += GRAM_STRIP) {
    const width = Math.min(GRAM_STRIP, n - first);
    const right = partOf(x, first, 0, n - first, x.columns);
    kernels.addProduct(
      1,
      partOf(x, first, 0, width, x.columns),
      turned(right),
      partOf(gram, first, first, width, n - first),
    );
  }
}

/** Copies what is right of the diagonal to the left of it. */
export function mirror(kernels: DenseKernels, { place, rows: n, row }: Block): void {
  const memory = kernels.doubles();
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      memory[place / 8 + j * row + i] = memory[place / 8 + i * row + j] as number;
    }
  }
}

function kernelProduct(x: Dense, y: Dense, asRight: (y: Block) => Block): Dense | null {
  return DenseKernels.use((kernels) => {
    const right = asRight(kernels.put(y.values, y.rows, y.columns));
    const product = kernels.zeroBlock(x.rows, right.columns);
    kernels.addProduct(1, kernels.put(x.values, x.rows, x.columns), right, product);
    return { rows: x.rows, columns: right.columns, values: kernels.get(product) };
  });
}

function plainProduct(x: Dense, yTransposed: Dense): Dense {
  const product = zeros(x.rows, yTransposed.rows);
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < yTransposed.rows; j++) {
      product.values[i * yTransposed.rows + j] = innerOfRows(x, i, yTransposed, j);
    }
  }
  return product;
}

function plainGram(x: Dense): Dense {
  const wide = x.rows <= x.columns ? x : transposed(x);
  return plainProduct(wide, wide);
}

function innerOfRows(x: Dense, i: number, y: Dense, j: number): number {
  const { columns } = x;
  let sum = 0;
  for (let k = 0; k < columns; k++) {
    sum += (x.values[i * columns + k] as number) * (y.values[j * columns + k] as number);
  }
  return sum;
}
