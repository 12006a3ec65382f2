import { SplitMix64 } from '../../tensor/split-mix';
import { zeros, type Dense } from '../../tensor/linear/dense';
import { multiplyTransposed } from '../../tensor/linear/multiply';
import { symmetricEigen } from '../../tensor/linear/symmetric-eigen';
import { kernelSpectrum, matrixEntropy } from './matrix-entropy';

/** How well a representation tells samples apart that are seen twice. `null`: undefined. */
export interface ViewAgreement {
  /** 1 − loss/ln N; 1 where every sample is nearest to its own second view. */
  readonly infoNce: number | null;
  /** Entropy of the discriminant matrix as a share of the most. */
  readonly lidar: number | null;
  /** Difference of entropies in nats. */
  readonly dime: number | null;
}

const TEMPERATURE = 0.1;
const PERMUTATIONS = 5;
/** δ of LiDAR, as its authors set it, for features of unit length. */
const RIDGE = 1e-4;

/**
 * Agreement of two views (samples × features, row i of both being sample i). All features have the mean of both views taken off
 * and are brought to length 1. Rows that cannot be are left out; all `null` below three samples.
 *
 * - InfoNCE (van den Oord et al. 2018): 1 − loss/ln N with cosines over 0.1.
 * - LiDAR (Thilak et al. 2024): entropy of the eigenvalues of Σw^(−½)·Σb·Σw^(−½), Σw of the views around their mean plus δI,
 *   as a share of ln min(N, D).
 * - DiME (Skean et al. 2023): E_π S(K₁∘πK₂πᵀ) − S(K₁∘K₂) with the kernel of cosines, over 5 permutations.
 */
export function viewAgreement(one: Dense, two: Dense): ViewAgreement {
  const [x, y] = unitRows(one, two);
  if (x.rows < 3) return { infoNce: null, lidar: null, dime: null };
  return { infoNce: infoNce(x, y), lidar: lidar(x, y), dime: dime(x, y) };
}

function unitRows(one: Dense, two: Dense): readonly [Dense, Dense] {
  const { rows, columns } = one;
  const mean = new Float64Array(columns);
  for (const { values } of [one, two])
    values.forEach((value, at) => (mean[at % columns] = (mean[at % columns] ?? 0) + value / (2 * rows)));
  const kept: (readonly [Float64Array, Float64Array])[] = [];
  for (let row = 0; row < rows; row++) {
    const a = unitRow(one, row, mean);
    const b = unitRow(two, row, mean);
    if (a && b) kept.push([a, b]);
  }
  const joined = (side: 0 | 1): Dense => {
    const values = new Float64Array(kept.length * columns);
    kept.forEach((pair, row) => values.set(pair[side], row * columns));
    return { rows: kept.length, columns, values };
  };
  return [joined(0), joined(1)];
}

/** What float32 leaves of features that are the same for every sample. */
const ROUNDING = 1e-6;

function unitRow({ columns, values }: Dense, row: number, mean: Float64Array): Float64Array | null {
  const own = values.slice(row * columns, (row + 1) * columns);
  const size = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
  const off = own.map((value, k) => value - (mean[k] ?? 0));
  const length = Math.sqrt(off.reduce((sum, value) => sum + value * value, 0));
  return length > ROUNDING * size && Number.isFinite(length) ? off.map((value) => value / length) : null;
}

function infoNce(x: Dense, y: Dense): number {
  const n = x.rows;
  const cosines = multiplyTransposed(x, y).values;
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const own = cosines.subarray(i * n, (i + 1) * n);
    // Cosines are at most 1: nothing overflows.
    loss += Math.log(own.reduce((sum, c) => sum + Math.exp((c - 1) / TEMPERATURE), 0));
    loss -= ((own[i] ?? 0) - 1) / TEMPERATURE;
  }
  return 1 - loss / n / Math.log(n);
}

/**
 * The eigenvalues of Σw⁻¹Σb from N × N matrices: with B = means/√N and W = half differences/√N, Σw = WᵀW + δI, and by
 * Woodbury's identity B Σw⁻¹ Bᵀ = (BBᵀ − BWᵀ(WWᵀ + δI)⁻¹WBᵀ)/δ.
 */
function lidar(x: Dense, y: Dense): number | null {
  const n = x.rows;
  const b = centredRows(combined(x, y, 0.5, 0.5, n));
  const w = combined(x, y, 0.5, -0.5, n);
  const eigen = symmetricEigen(multiplyTransposed(w, w));
  // Rows of `turned` are the eigenvectors' coordinates of WBᵀ.
  const turned = multiplyTransposed(eigen.vectors, multiplyTransposed(b, w)).values;
  const kernel = multiplyTransposed(b, b);
  for (let k = 0; k < n; k++) {
    const scale = 1 / (Math.max(0, eigen.values[k] ?? 0) + RIDGE);
    for (let i = 0; i < n; i++) {
      const left = (turned[k * n + i] ?? 0) * scale;
      for (let j = 0; j < n; j++)
        kernel.values[i * n + j] = (kernel.values[i * n + j] ?? 0) - left * (turned[k * n + j] ?? 0);
    }
  }
  const shares = kernelSpectrum(kernel);
  return shares && matrixEntropy(shares, 1) / Math.log(Math.min(n, x.columns));
}

function combined(x: Dense, y: Dense, a: number, b: number, n: number): Dense {
  const scale = 1 / Math.sqrt(n);
  return { ...x, values: x.values.map((value, at) => scale * (a * value + b * (y.values[at] ?? 0))) };
}

function centredRows({ rows, columns, values }: Dense): Dense {
  const mean = new Float64Array(columns);
  values.forEach((value, at) => (mean[at % columns] = (mean[at % columns] ?? 0) + value / rows));
  return { rows, columns, values: values.map((value, at) => value - (mean[at % columns] ?? 0)) };
}

function dime(x: Dense, y: Dense): number | null {
  const [first, second] = [multiplyTransposed(x, x), multiplyTransposed(y, y)];
  const together = jointEntropy(first, second, null);
  if (together === null) return null;
  const random = new SplitMix64(1);
  let apart = 0;
  for (let k = 0; k < PERMUTATIONS; k++) {
    const entropy = jointEntropy(first, second, permutation(x.rows, random));
    if (entropy === null) return null;
    apart += entropy / PERMUTATIONS;
  }
  return apart - together;
}

function jointEntropy({ rows: n, values }: Dense, other: Dense, order: Int32Array | null): number | null {
  const product = zeros(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const at = (order?.[i] ?? i) * n + (order?.[j] ?? j);
      product.values[i * n + j] = (values[i * n + j] ?? 0) * (other.values[at] ?? 0);
    }
  }
  const shares = kernelSpectrum(product);
  return shares && matrixEntropy(shares, 1);
}

function permutation(n: number, random: SplitMix64): Int32Array {
  const order = Int32Array.from({ length: n }, (_, at) => at);
  for (let last = n - 1; last > 0; last--) {
    const at = random.below(last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[at] ?? 0;
    order[at] = kept;
  }
  return order;
}
