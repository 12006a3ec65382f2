import type { Dense } from '../../tensor/linear/dense';
import { shortGram } from '../../tensor/linear/multiply';
import { symmetricEigen } from '../../tensor/linear/symmetric-eigen';

/** How many directions a matrix has. */
export interface NumericalRank {
  /** Singular values above ε times the largest. */
  readonly rank: number;
  /** exp(−Σ p ln p), p = σ/Σσ (Roy, Vetterli 2007). */
  readonly effective: number;
}

/** Both ranks, from the eigenvalues of the Gram matrix of the shorter side: ε must be well above 10⁻⁷. `null` for zeros. */
export function numericalRank(matrix: Dense, epsilon: number): NumericalRank | null {
  if (!matrix.values.every(Number.isFinite)) return null;
  const squares = symmetricEigen(shortGram(matrix)).values;
  const singular = squares.map((value) => Math.sqrt(Math.max(0, value)));
  const [largest = 0] = singular;
  if (!(largest > 0)) return null;
  const kept = singular.filter((value) => value > epsilon * largest);
  const sum = singular.reduce((total, value) => total + value, 0);
  const entropy = singular.reduce((total, value) => {
    const p = value / sum;
    return p > 0 ? total - p * Math.log(p) : total;
  }, 0);
  return { rank: kept.length, effective: Math.exp(entropy) };
}
