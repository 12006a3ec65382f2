import { zeros, type Dense } from '../../tensor/linear/dense';
import { multiply, multiplyTransposed } from '../../tensor/linear/multiply';
import { transposed } from '../../tensor/linear/dense';
import { symmetricEigen } from '../../tensor/linear/symmetric-eigen';

/** Features of samples of one data set: rows are samples. */
export interface FeatureCloud {
  readonly mean: Float64Array;
  /** Features without their mean. */
  readonly centred: Dense;
  readonly features: Dense;
}

/** Takes the mean off. */
export function cloudOf(features: Dense): FeatureCloud {
  const { rows, columns, values } = features;
  const mean = new Float64Array(columns);
  values.forEach((value, at) => (mean[at % columns] = (mean[at % columns] ?? 0) + value / rows));
  const off = values.map((value, at) => value - (mean[at % columns] ?? 0));
  return { mean, centred: { rows, columns, values: off }, features };
}

/** What is told of two clouds. `null`: undefined. */
export interface CloudComparison {
  /** Similarity of covariances, 0 to 1. */
  readonly covariance: number | null;
  readonly meanCosine: number | null;
  /** Squared. */
  readonly frechet: number;
  readonly mmd: number | null;
  /** Cost of moving one cloud onto the other, relative to the mean squared distance. */
  readonly transport: number | null;
}

/**
 * Compares two clouds of the same features.
 *
 * - covariance: ‖C₁^½C₂^½‖_F / √(‖C₁‖_F‖C₂‖_F) over the first components with 99 % of the variance of each (Wu, Zhang, Ré 2020, eq. 4);
 * - Fréchet: ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2(C₁^½C₂C₁^½)^½) (Dowson, Landau 1982);
 * - MMD²: the unbiased estimator with a Gaussian kernel of the median distance (Gretton et al. 2012, lemma 6);
 * - transport: Sinkhorn's divergence-free cost Σ PᵢⱼDᵢⱼ at a temperature of a hundredth of the mean cost (Cuturi 2013).
 */
export function compareClouds(x: FeatureCloud, y: FeatureCloud): CloudComparison {
  return {
    covariance: covarianceSimilarity(x, y),
    meanCosine: cosine(x.mean, y.mean),
    frechet: frechetDistance(x, y),
    ...kernelAndTransport(x.features, y.features),
  };
}

/** Share of variance that the components of the covariance similarity hold. */
const HELD = 0.99;

function covarianceSimilarity(x: FeatureCloud, y: FeatureCloud): number | null {
  const [a, b] = [principalFactor(x.centred), principalFactor(y.centred)];
  const size = Math.sqrt(frobenius(a) * frobenius(b));
  return size > 0 ? Math.sqrt(squares(multiplyTransposed(a, b))) / size : null;
}

/** √λᵢ·uᵢ as rows, of the first components with 99 % of the variance. */
function principalFactor(centred: Dense): Dense {
  const { rows: n, columns: d } = centred;
  const tall = n > d;
  const gram = tall ? multiply(transposed(centred), centred) : multiplyTransposed(centred, centred);
  const { values, vectors } = symmetricEigen(gram);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let kept = 0;
  for (let sum = 0; kept < values.length && sum < HELD * total; kept++) sum += Math.max(0, values[kept] ?? 0);
  const first = {
    rows: kept,
    columns: vectors.columns,
    values: vectors.values.slice(0, kept * vectors.columns),
  };
  // Of XXᵀ = VΛVᵀ the right vectors times √λ are VᵀX.
  const factor = tall
    ? {
        ...first,
        values: first.values.map((v, at) => v * Math.sqrt(Math.max(0, values[Math.floor(at / d)] ?? 0))),
      }
    : multiply(first, centred);
  return { ...factor, values: factor.values.map((value) => value / Math.sqrt(n)) };
}

function squares({ values }: Dense): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** ‖AᵀA‖_F of a factor A. */
function frobenius(factor: Dense): number {
  return Math.sqrt(squares(multiplyTransposed(factor, factor)));
}

function cosine(x: Float64Array, y: Float64Array): number | null {
  let [dot, xx, yy] = [0, 0, 0];
  x.forEach((value, k) => {
    const other = y[k] ?? 0;
    dot += value * other;
    xx += value * value;
    yy += other * other;
  });
  return xx > 0 && yy > 0 ? dot / Math.sqrt(xx * yy) : null;
}

/** tr((C₁^½C₂C₁^½)^½) is the sum of the singular values of X₁X₂ᵀ/√(n₁n₂): no root of a matrix is needed. */
function frechetDistance(x: FeatureCloud, y: FeatureCloud): number {
  let means = 0;
  x.mean.forEach((value, k) => (means += (value - (y.mean[k] ?? 0)) ** 2));
  const [n, m] = [x.centred.rows, y.centred.rows];
  const cross = multiplyTransposed(x.centred, y.centred);
  const gram = n <= m ? multiplyTransposed(cross, cross) : multiply(transposed(cross), cross);
  const nuclear = symmetricEigen(gram).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  const traces = squares(x.centred) / n + squares(y.centred) / m;
  return Math.max(0, means + traces - (2 * nuclear) / Math.sqrt(n * m));
}

function kernelAndTransport(x: Dense, y: Dense): Pick<CloudComparison, 'mmd' | 'transport'> {
  const [xx, yy, xy] = [squaredDistances(x, x), squaredDistances(y, y), squaredDistances(x, y)];
  const all = Float64Array.from(xy.values).sort();
  const median = all[Math.floor(all.length / 2)] ?? 0;
  if (!(median > 0) || x.rows < 2 || y.rows < 2) return { mmd: null, transport: null };
  const kernel = (distance: number) => Math.exp(-distance / (2 * median));
  const within = ({ rows: n, values }: Dense) =>
    (values.reduce((sum, value) => sum + kernel(value), 0) - n) / (n * (n - 1));
  const between = xy.values.reduce((sum, value) => sum + kernel(value), 0) / xy.values.length;
  return { mmd: within(xx) + within(yy) - 2 * between, transport: transportCost(xy) };
}

function squaredDistances(x: Dense, y: Dense): Dense {
  const inner = multiplyTransposed(x, y);
  const [a, b] = [rowSquares(x), rowSquares(y)];
  const values = inner.values.map((dot, at) =>
    Math.max(0, (a[Math.floor(at / y.rows)] ?? 0) + (b[at % y.rows] ?? 0) - 2 * dot),
  );
  if (x === y) for (let i = 0; i < x.rows; i++) values[i * x.rows + i] = 0;
  return { ...inner, values };
}

function rowSquares({ rows, columns, values }: Dense): Float64Array {
  const found = new Float64Array(rows);
  values.forEach((value, at) => {
    const row = Math.floor(at / columns);
    found[row] = (found[row] ?? 0) + value * value;
  });
  return found;
}

const TEMPERATURE = 0.01;
const ROUNDS = 300;
const STILL = 1e-6;

/** The cost Σ PᵢⱼDᵢⱼ of an entropic transport plan with uniform weights, by Sinkhorn's iterations on logarithms. */
export function transportCost({ rows: n, columns: m, values }: Dense): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const scale = 1 / (TEMPERATURE * mean);
  const [f, g] = [new Float64Array(n), new Float64Array(m)];
  const cost = zeros(n, m);
  values.forEach((value, at) => (cost.values[at] = value * scale));
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0;
    for (let i = 0; i < n; i++) {
      const next = -Math.log(n) - logSum(m, (j) => (g[j] ?? 0) - (cost.values[i * m + j] ?? 0));
      moved = Math.max(moved, Math.abs(next - (f[i] ?? 0)));
      f[i] = next;
    }
    for (let j = 0; j < m; j++)
      g[j] = -Math.log(m) - logSum(n, (i) => (f[i] ?? 0) - (cost.values[i * m + j] ?? 0));
    if (moved < STILL) break;
  }
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      const at = i * m + j;
      total += Math.exp((f[i] ?? 0) + (g[j] ?? 0) - (cost.values[at] ?? 0)) * (values[at] ?? 0);
    }
  }
  return total;
}

function logSum(count: number, at: (index: number) => number): number {
  let most = -Infinity;
  for (let k = 0; k < count; k++) most = Math.max(most, at(k));
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(at(k) - most);
  return most + Math.log(sum);
}
