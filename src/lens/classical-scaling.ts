import { symmetricEigen } from '../tensor/linear/symmetric-eigen';

/** Points in a plane whose distances stand for given ones. */
export interface PlaneMap {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Kruskal's stress-1, √(Σ(d − d̂)² / Σd²) over pairs: 0 is exact, above 0.2 the plane misleads. `null` where all d are 0. */
  readonly stress: number | null;
}

/**
 * Classical multidimensional scaling (Torgerson 1952): the two leading eigenvectors of −½·J·D²·J, scaled by the roots of
 * their eigenvalues; J centres. `distances` is n × n, symmetric, row-major. An eigenvalue below 0 counts as 0. The sign
 * of each axis is such that its largest coordinate is positive; no coordinate is −0, which JSON does not keep.
 */
export function classicalScaling(distances: Float64Array, n: number): PlaneMap {
  const { values, vectors } = symmetricEigen({ rows: n, columns: n, values: doublyCentred(distances, n) });
  const axis = (k: number) => {
    const root = Math.sqrt(Math.max(0, values[k] ?? 0));
    const vector = Float64Array.from(
      vectors.values.subarray(k * n, (k + 1) * n),
      (value) => 0 + root * value,
    );
    const most = vector.reduce((best, value) => (Math.abs(value) > Math.abs(best) + 1e-12 ? value : best), 0);
    return most < 0 ? vector.map((value) => 0 - value) : vector;
  };
  const x = n > 0 ? axis(0) : new Float64Array(0);
  const y = n > 1 ? axis(1) : new Float64Array(n);
  return { x, y, stress: stressOf(distances, n, x, y) };
}

function doublyCentred(distances: Float64Array, n: number): Float64Array {
  const squares = distances.map((distance) => -0.5 * distance * distance);
  const means = Float64Array.from({ length: n }, (_, row) => {
    return squares.subarray(row * n, (row + 1) * n).reduce((sum, value) => sum + value, 0) / n;
  });
  const mean = means.reduce((sum, value) => sum + value, 0) / Math.max(1, n);
  return squares.map((value, at) => {
    const row = means[Math.floor(at / n)] ?? 0;
    return value - row - (means[at % n] ?? 0) + mean;
  });
}

function stressOf(distances: Float64Array, n: number, x: Float64Array, y: Float64Array): number | null {
  let missed = 0;
  let whole = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const wanted = distances[i * n + j] as number;
      const drawn = Math.hypot((x[i] as number) - (x[j] as number), (y[i] as number) - (y[j] as number));
      missed += (wanted - drawn) ** 2;
      whole += wanted * wanted;
    }
  }
  return whole > 0 ? Math.sqrt(missed / whole) : null;
}
