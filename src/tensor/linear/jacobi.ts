import { transposed, type Dense } from './dense';
import type { Svd } from './svd';

const EPSILON = 2 ** -52;
const SWEEPS = 60;

/**
 * The whole thin decomposition by one-sided Jacobi rotations (Hestenes 1958; Demmel, Veselić 1992): slow and as accurate as
 * can be, also for the smallest values. What is done where there are no kernels.
 */
export function jacobiSvd(matrix: Dense): Svd {
  if (matrix.rows < matrix.columns) {
    const { left, values, right, error } = jacobiSvd(transposed(matrix));
    return { left: transposed(right), values, right: transposed(left), error };
  }
  // Columns of the matrix as rows, so that a rotation runs through memory in order.
  const work = transposed(matrix);
  const n = work.rows;
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let rotated = false;
    for (let i = 0; i < n - 1; i++) {
      for (let j = i + 1; j < n; j++) rotated = rotate(work, basis, i, j) || rotated;
    }
    if (!rotated) break;
  }
  return sorted(work, basis);
}

function rotate(work: Dense, basis: Float64Array, i: number, j: number): boolean {
  const { columns: m, values: w, rows: n } = work;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let k = 0; k < m; k++) {
    const x = w[i * m + k] as number;
    const y = w[j * m + k] as number;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  if (xy === 0 || Math.abs(xy) <= EPSILON * Math.sqrt(m) * Math.sqrt(xx) * Math.sqrt(yy)) return false;
  const zeta = (yy - xx) / (2 * xy);
  const tangent = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  turn(w, i * m, j * m, m, cosine, cosine * tangent);
  turn(basis, i * n, j * n, n, cosine, cosine * tangent);
  return true;
}

function turn(values: Float64Array, i: number, j: number, length: number, c: number, s: number): void {
  for (let k = 0; k < length; k++) {
    const x = values[i + k] as number;
    const y = values[j + k] as number;
    values[i + k] = c * x - s * y;
    values[j + k] = s * x + c * y;
  }
}

function sorted(work: Dense, basis: Float64Array): Svd {
  const { rows: n, columns: m, values: w } = work;
  const norms = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < m; k++) sum += (w[i * m + k] as number) ** 2;
    return Math.sqrt(sum);
  });
  const order = Array.from(norms.keys()).sort((a, b) => (norms[b] as number) - (norms[a] as number));
  const left = new Float64Array(m * n);
  const right = new Float64Array(n * n);
  order.forEach((from, to) => {
    const norm = norms[from] as number;
    for (let k = 0; k < m; k++) left[k * n + to] = norm > 0 ? (w[from * m + k] as number) / norm : 0;
    right.set(basis.subarray(from * n, (from + 1) * n), to * n);
  });
  const values = Float64Array.from(order, (from) => norms[from] as number);
  return {
    left: { rows: m, columns: n, values: left },
    values,
    right: { rows: n, columns: n, values: right },
    error: (values[0] ?? 0) * EPSILON * Math.max(m, n),
  };
}
