import type { Dense } from '../../tensor/linear/dense';
import { symmetricEigen, type SymmetricEigen } from '../../tensor/linear/symmetric-eigen';

/** Mean and scatter of vectors as they come. */
export class Scatter {
  private readonly sums: Float64Array;
  private readonly products: Float64Array;
  private count = 0;

  constructor(readonly size: number) {
    this.sums = new Float64Array(size);
    this.products = new Float64Array(size * size);
  }

  /** Adds `count` vectors; entry k of vector i stands at `i · alongVector + k · alongEntry` behind `start`. */
  add(values: Float64Array, start: number, count: number, alongVector: number, alongEntry: number): void {
    const { size, sums, products } = this;
    for (let i = 0; i < count; i++) {
      const from = start + i * alongVector;
      for (let a = 0; a < size; a++) {
        const x = values[from + a * alongEntry] ?? 0;
        sums[a] = (sums[a] ?? 0) + x;
        for (let b = a; b < size; b++)
          products[a * size + b] = (products[a * size + b] ?? 0) + x * (values[from + b * alongEntry] ?? 0);
      }
    }
    this.count += count;
  }

  /** The covariance, over n. */
  covariance(): Dense {
    const { size, sums, products, count } = this;
    const values = new Float64Array(size * size);
    for (let a = 0; a < size; a++) {
      for (let b = a; b < size; b++) {
        const mean = ((sums[a] ?? 0) / count) * ((sums[b] ?? 0) / count);
        values[a * size + b] = values[b * size + a] = (products[a * size + b] ?? 0) / count - mean;
      }
    }
    return { rows: size, columns: size, values };
  }
}

/** Principal components of the keys of one head. */
export interface KeySpectrum {
  readonly covariance: Dense;
  readonly eigen: SymmetricEigen;
}

/** Principal components; `null` where nothing varies or an entry is not finite. */
export function keySpectrum(covariance: Dense): KeySpectrum | null {
  if (!covariance.values.every(Number.isFinite)) return null;
  const eigen = symmetricEigen(covariance);
  return (eigen.values[0] ?? 0) > 0 ? { covariance, eigen } : null;
}

/** The least number of components with at least `share` of the variance. */
export function rankAt({ eigen }: KeySpectrum, share: number): number {
  const values = eigen.values.map((value) => Math.max(0, value));
  const total = values.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  const at = values.findIndex((value) => (sum += value) >= share * total * (1 - 1e-12));
  return at < 0 ? values.length : at + 1;
}

/** Share of the variance of `own` that lies in the first `rank` components of `other`: tr(UᵀCU)/tr(C). */
export function varianceWithin(own: KeySpectrum, other: KeySpectrum, rank: number): number {
  const { rows: n, values } = own.covariance;
  let [within, total] = [0, 0];
  for (let a = 0; a < n; a++) total += values[a * n + a] ?? 0;
  for (let k = 0; k < Math.min(rank, n); k++) {
    const u = other.eigen.vectors.values.subarray(k * n, (k + 1) * n);
    for (let a = 0; a < n; a++)
      for (let b = 0; b < n; b++) within += (u[a] ?? 0) * (values[a * n + b] ?? 0) * (u[b] ?? 0);
  }
  return within / total;
}
