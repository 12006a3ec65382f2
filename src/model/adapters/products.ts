import type { PartValues } from './family';

/** x · y of an n × k and a k × m matrix, row-major, in float64. */
export function multiply(x: Float64Array, y: Float64Array, n: number, k: number, m: number): Float64Array {
  const product = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    const row = product.subarray(i * m, (i + 1) * m);
    for (let l = 0; l < k; l++) {
      const factor = x[i * k + l] as number;
      if (factor === 0) continue;
      for (let j = 0; j < m; j++) row[j] = (row[j] as number) + factor * (y[l * m + j] as number);
    }
  }
  return product;
}

/**
 * A Tucker core with its factors as LyCORIS stores them: Σ_ij core[i, j, k] · a[i, o] · b[j, n], as o × (n, k). `core` is r × r ×
 * kernel, `a` r × out and `b` r × in.
 */
export function contractCore(values: PartValues, core: string, a: string, b: string): Float64Array {
  const [t, x, y] = [values.get(core), values.get(a), values.get(b)];
  if (!t || !x || !y) return new Float64Array(0);
  const [p = 0, q = 0, ...kernel] = t.shape;
  const width = kernel.reduce((size, each) => size * each, 1);
  const [outputs = 0, inputs = 0] = [x.shape[1], y.shape[1]];
  // First over i, for o × (j, k); then over j.
  const half = multiply(turn(x.values, p, outputs), t.values, outputs, p, q * width);
  const sum = new Float64Array(outputs * inputs * width);
  for (let o = 0; o < outputs; o++) {
    for (let j = 0; j < q; j++) {
      for (let n = 0; n < inputs; n++) {
        const factor = y.values[j * inputs + n] as number;
        for (let k = 0; k < width; k++) {
          const at = (o * inputs + n) * width + k;
          sum[at] = (sum[at] as number) + factor * (half[(o * q + j) * width + k] as number);
        }
      }
    }
  }
  return sum;
}

/** rows × columns to columns × rows. */
export function turn(values: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(values.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j] as number;
  return turned;
}
