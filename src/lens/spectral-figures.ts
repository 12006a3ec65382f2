/** What the singular values of one matrix say of its rank. Everything is `null` for a matrix of zeros, where it is 0/0. */
export interface SpectralFigures {
  /** ‖W‖_F = √Σσ². */
  readonly norm: number;
  readonly stable_rank: number | null;
  readonly effective_rank: number | null;
  readonly effective_rank_energy: number | null;
  readonly rank90: number | null;
  readonly rank95: number | null;
  readonly rank99: number | null;
  /** σ₁²/Σσ². */
  readonly top_share: number | null;
}

/** A rank counts as dead where its singular value is at most this share of the largest. */
export const DEAD_SHARE = 1e-6;

/**
 * The rank numbers of a spectrum; `singular` descends. Stable rank ‖W‖_F²/σ₁² (Rudelson, Vershynin 2007); effective rank
 * exp(−Σ p ln p) with p = σ/Σσ (Roy, Vetterli 2007), and with p = σ²/Σσ² beside it; rank at q = 1 + the number of k with
 * Σ_{i≤k} σ² / Σσ² < q.
 */
export function spectralFigures(singular: Float64Array): SpectralFigures {
  const largest = singular[0] ?? 0;
  if (!(largest > 0)) return NOTHING;
  // In units of the largest value, so that squares of very small ones do not vanish.
  const sizes = singular.map((value) => value / largest);
  const squares = sizes.map((value) => value * value);
  const total = sum(squares);
  return {
    norm: largest * Math.sqrt(total),
    stable_rank: total,
    effective_rank: Math.exp(entropy(sizes)),
    effective_rank_energy: Math.exp(entropy(squares)),
    rank90: rankFor(squares, total, 0.9),
    rank95: rankFor(squares, total, 0.95),
    rank99: rankFor(squares, total, 0.99),
    top_share: 1 / total,
  };
}

/** Σ_{i≤k} σ² / Σσ² for every k; `total` is Σσ² of the whole spectrum, of which `singular` may be the beginning. */
export function cumulativeEnergy(singular: Float64Array, total: number): Float64Array {
  let before = 0;
  return singular.map((value) => {
    before += value * value;
    return before / total;
  });
}

/** How many singular values are above {@link DEAD_SHARE} of the largest. */
export function livingRanks(singular: Float64Array): number {
  const least = (singular[0] ?? 0) * DEAD_SHARE;
  let count = 0;
  for (const value of singular) if (value > least) count++;
  return count;
}

const NOTHING: SpectralFigures = {
  norm: 0,
  stable_rank: null,
  effective_rank: null,
  effective_rank_energy: null,
  rank90: null,
  rank95: null,
  rank99: null,
  top_share: null,
};

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** −Σ p ln p, in nats, of values in proportion to p; 0 ln 0 = 0. */
function entropy(values: Float64Array): number {
  const total = sum(values);
  return values.reduce((before, value) => {
    const share = value / total;
    return share > 0 ? before - share * Math.log(share) : before;
  }, 0);
}

function rankFor(squares: Float64Array, total: number, share: number): number {
  let before = 0;
  let rank = 1;
  for (const square of squares) {
    before += square;
    if (before / total >= share) break;
    rank++;
  }
  return Math.min(rank, squares.length);
}
