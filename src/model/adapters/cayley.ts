/** Square blocks one after the other, row-major. */
export interface Blocks {
  readonly size: number;
  readonly values: Float64Array;
}

/**
 * The rotations (1 + sQ)·(1 − sQ)⁻¹ of skew-symmetric blocks, s = ±1 (Cayley transform, Golub & Van Loan, Matrix Computations,
 * 4th ed., P2.1.8). 1 − sQ is always invertible: the eigenvalues of Q are imaginary.
 */
export function cayley({ size, values }: Blocks, sign: 1 | -1): Blocks {
  const rotations = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += size * size) {
    const q = values.subarray(start, start + size * size).map((value) => sign * value);
    const plus = q.map((value, at) => value + (at % (size + 1) === 0 ? 1 : 0));
    const minus = q.map((value, at) => (at % (size + 1) === 0 ? 1 : 0) - value);
    // Both are polynomials in Q, so their order does not matter.
    rotations.set(solve(minus, plus, size), start);
  }
  return { size, values: rotations };
}

/** x with a·x = b, all size × size: Gaussian elimination with partial pivoting. Overwrites its arguments. */
function solve(a: Float64Array, b: Float64Array, size: number): Float64Array {
  for (let k = 0; k < size; k++) {
    swapRows(a, b, size, k, pivotOf(a, size, k));
    const pivot = a[k * size + k] as number;
    for (let i = 0; i < size; i++) {
      if (i === k) continue;
      const factor = (a[i * size + k] as number) / pivot;
      if (factor === 0) continue;
      for (let j = k; j < size; j++) subtract(a, i * size + j, factor * (a[k * size + j] as number));
      for (let j = 0; j < size; j++) subtract(b, i * size + j, factor * (b[k * size + j] as number));
    }
  }
  return b.map((value, at) => value / (a[Math.floor(at / size) * (size + 1)] as number));
}

function subtract(values: Float64Array, at: number, amount: number): void {
  values[at] = (values[at] as number) - amount;
}

function pivotOf(a: Float64Array, size: number, k: number): number {
  let best = k;
  for (let i = k + 1; i < size; i++)
    if (Math.abs(a[i * size + k] as number) > Math.abs(a[best * size + k] as number)) best = i;
  return best;
}

function swapRows(a: Float64Array, b: Float64Array, size: number, i: number, j: number): void {
  if (i === j) return;
  for (const values of [a, b]) {
    const row = values.slice(i * size, (i + 1) * size);
    values.copyWithin(i * size, j * size, (j + 1) * size);
    values.set(row, j * size);
  }
}

/** Q − Qᵀ of every block, scaled. */
export function skew({ size, values }: Blocks, scale = 1): Blocks {
  const area = size * size;
  const out = values.map((value, at) => {
    const block = Math.floor(at / area) * area;
    const [i, j] = [Math.floor((at - block) / size), (at - block) % size];
    return scale * (value - (values[block + j * size + i] as number));
  });
  return { size, values: out };
}

/** Skew-symmetric blocks of which each row of `values` lists the entries above the diagonal, row by row. */
export function skewOfTriangles(values: Float64Array, size: number): Blocks {
  const listed = (size * (size - 1)) / 2;
  const count = listed > 0 ? values.length / listed : 0;
  const blocks = new Float64Array(count * size * size);
  for (let block = 0, at = 0; block < count; block++) {
    for (let i = 0; i < size; i++) {
      for (let j = i + 1; j < size; j++, at++) {
        const value = values[at] as number;
        blocks[(block * size + i) * size + j] = value;
        blocks[(block * size + j) * size + i] = -value;
      }
    }
  }
  return { size, values: blocks };
}
