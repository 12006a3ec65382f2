import type { RankChoice } from '../protocol/write';

/** What a rank keeps of a matrix with these singular values. */
export interface ChosenRank {
  readonly rank: number;
  /** Σ_{i≤r}σ² / ‖X‖_F², 1 for a matrix of zeros. */
  readonly energy: number;
  /** ‖X − X_r‖_F / ‖X‖_F, 0 for a matrix of zeros: the least that any matrix of this rank has (Eckart, Young 1936). */
  readonly error: number;
  /** Whether it keeps what was asked for. */
  readonly reached: boolean;
}

/**
 * The rank that a choice gives. `values` are the largest singular values, descending; `squares` is ‖X‖_F², of which the values
 * that are not there may have a part. At least 1, at most the number of values.
 */
export function chooseRank(values: Float64Array, squares: number, choice: RankChoice): ChosenRank {
  const limit = choice.by === 'rank' ? choice.rank : (choice.most ?? Infinity);
  const most = Math.max(1, Math.min(values.length, limit));
  // What lies beyond the first r values, summed from the small ones up.
  const known = values.reduce((sum, value) => sum + value * value, 0);
  const beyond = new Float64Array(values.length + 1);
  beyond[values.length] = Math.max(0, squares - known) > squares * NEGLIGIBLE ? squares - known : 0;
  for (let i = values.length - 1; i >= 0; i--)
    beyond[i] = (beyond[i + 1] as number) + (values[i] as number) ** 2;
  const whole = beyond[0] as number;
  const share = (rank: number) => (whole > 0 ? (beyond[Math.min(rank, values.length)] as number) / whole : 0);
  const wanted = choice.by === 'energy' ? 1 - choice.energy : choice.by === 'error' ? choice.error ** 2 : 0;
  let rank = most;
  if (choice.by !== 'rank') {
    rank = 1;
    while (rank < most && share(rank) > wanted + NEGLIGIBLE) rank++;
  }
  const left = share(rank);
  return {
    rank,
    energy: 1 - left,
    error: Math.sqrt(left),
    reached: choice.by === 'rank' || left <= wanted + NEGLIGIBLE,
  };
}

/** Rounding of sums of squares. */
const NEGLIGIBLE = 1e-12;
