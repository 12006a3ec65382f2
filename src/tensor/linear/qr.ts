import { zeros, type Dense } from './dense';

/** A thin QR decomposition: `q` rows × k with orthonormal columns, `r` k × columns upper triangular, k = min(rows, columns). */
export interface Qr {
  readonly q: Dense;
  readonly r: Dense;
}

/** Thin QR by Householder reflections (Golub, Van Loan, Matrix Computations, 5.2). Diagonal entries of `r` may be negative or 0. */
export function thinQr(matrix: Dense): Qr {
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
