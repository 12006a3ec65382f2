import type { Dense } from '../../tensor/linear/dense';
import { shortGram } from '../../tensor/linear/multiply';
import { symmetricEigen } from '../../tensor/linear/symmetric-eigen';

/**
 * Eigenvalues of the Gram matrix ZZᵀ, divided by its trace: they sum to 1. `features` is samples × features; `null` where
 * all are 0 or one is not finite.
 */
export function gramSpectrum(features: Dense): Float64Array | null {
  return kernelSpectrum(shortGram(features));
}

/** Eigenvalues of a positive semidefinite matrix, divided by their sum; `null` where all are 0 or an entry is not finite. */
export function kernelSpectrum(kernel: Dense): Float64Array | null {
  if (!kernel.values.every(Number.isFinite)) return null;
  // Rounding leaves some of those that are 0 a little below it.
  const values = symmetricEigen(kernel).values.map((value) => Math.max(0, value));
  const sum = values.reduce((total, value) => total + value, 0);
  return sum > 0 && Number.isFinite(sum) ? values.map((value) => value / sum) : null;
}

/**
 * Matrix-based Rényi entropy (Sánchez Giraldo, Rao, Príncipe 2015; Skean et al. 2025, eq. 1) in nats:
 * S_α = ln(Σ pᵢ^α) / (1 − α), and −Σ pᵢ ln pᵢ for α = 1.
 */
export function matrixEntropy(shares: Float64Array, alpha: number): number {
  if (Math.abs(alpha - 1) < 1e-9) return shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
  const sum = shares.reduce((total, p) => (p > 0 ? total + p ** alpha : total), 0);
  return Math.log(sum) / (1 - alpha);
}

/** The entropy of features as a share of the most that samples and features allow, ln min(N, D); `null` below two of either. */
export function relativeEntropy(features: Dense, alpha: number): number | null {
  const most = Math.log(Math.min(features.rows, features.columns));
  if (!(most > 0)) return null;
  const shares = gramSpectrum(features);
  return shares && Math.max(0, Math.min(1, matrixEntropy(shares, alpha) / most));
}
