import { innerOf, forFactorPairs } from '../tensor/factor-products';
import {
  concatenated,
  mergedFactors,
  type FactorMethod,
  type MergeSettings,
  type WeightedDelta,
} from '../tensor/factor-merges';
import { firstOf } from '../tensor/linear/truncated-svd';
import { lowRankSvd } from '../tensor/linear/low-rank-svd';
import type { LowRankDelta } from '../tensor/pass';

/** Ways to combine adapters, in the order in which tables show them. */
export const COMBINATIONS = [
  'linear',
  'ties',
  'dare_linear',
  'dare_ties',
  'svd',
  'cat_resized',
  'cat',
] as const;

export type Combination = (typeof COMBINATIONS)[number];

/** A merge against the true sum, over some tensors. */
export interface MergeSums {
  /** ‖T‖², ‖M‖² and ⟨T, M⟩. */
  readonly truth: number;
  readonly merged: number;
  readonly inner: number;
  /** The largest rank that the merge has. */
  readonly rank: number;
}

/** Of each combination; `null` where PEFT refuses. */
export type TensorMerges = Readonly<Record<Combination, MergeSums | null>>;

/**
 * Every combination of the adapters of one tensor against T = Σ wᵢsᵢBᵢAᵢ, from the factors: norms and inner products are those
 * of stacked factors, (m + n)·r² steps. `svd` is the best rank `rank` of Σ wᵢsᵢ²BᵢAᵢ, `cat_resized` of T; `cat` is T.
 */
export function mergesOf(
  parts: readonly WeightedDelta[],
  rank: number,
  settings: MergeSettings & {
    /** Whether PEFT merges A and B apart at all: not where the adapters differ in rank. */
    readonly byFactors: boolean;
  },
): TensorMerges | null {
  const [first] = parts;
  if (!first || parts.some(({ delta }) => !sameSize(delta, first.delta))) return null;
  const truth = concatenated(parts.map(({ weight, delta }) => ({ factor: weight * delta.scale, delta })));
  const twice = concatenated(
    parts.map(({ weight, delta }) => ({ factor: weight * delta.scale ** 2, delta })),
  );
  const byFactors = (method: FactorMethod) =>
    settings.byFactors ? mergedFactors(parts, method, settings) : null;
  const deltas: Readonly<Record<Combination, LowRankDelta | null>> = {
    linear: byFactors('linear'),
    ties: byFactors('ties'),
    dare_linear: byFactors('dare_linear'),
    dare_ties: byFactors('dare_ties'),
    svd: bestOf(twice, rank),
    cat_resized: bestOf(truth, rank),
    cat: truth,
  };
  const { squares, merges } = sumsOf(
    truth,
    // `cat` is the truth itself.
    COMBINATIONS.map((each) => (each === 'cat' ? null : deltas[each])),
  );
  const sumsFor = (method: Exclude<Combination, 'cat'>): MergeSums | null => {
    const own = merges[COMBINATIONS.indexOf(method)];
    return own ? { truth: squares, ...own, rank: deltas[method]?.rank ?? 0 } : null;
  };
  return {
    linear: sumsFor('linear'),
    ties: sumsFor('ties'),
    dare_linear: sumsFor('dare_linear'),
    dare_ties: sumsFor('dare_ties'),
    svd: sumsFor('svd'),
    cat_resized: sumsFor('cat_resized'),
    cat: { truth: squares, merged: squares, inner: squares, rank: truth.rank },
  };
}

function sameSize(x: LowRankDelta, y: LowRankDelta): boolean {
  return x.rows === y.rows && x.columns === y.columns;
}

/** The best approximation of at most this rank (Eckart & Young 1936). */
function bestOf(delta: LowRankDelta, rank: number): LowRankDelta {
  if (delta.rank <= rank) return delta;
  const { left, values, right } = firstOf(lowRankSvd(delta), rank);
  const b = left.values.map((value, at) => value * (values[at % left.columns] ?? 0));
  return { scale: 1, b, a: right.values, rows: delta.rows, columns: delta.columns, rank: left.columns };
}

interface PairSums {
  readonly squares: number;
  readonly merges: readonly ({ readonly merged: number; readonly inner: number } | null)[];
}

function sumsOf(truth: LowRankDelta, merges: readonly (LowRankDelta | null)[]): PairSums {
  const all = [truth, ...merges];
  const inner = new Float64Array(all.length);
  const squares = new Float64Array(all.length);
  forFactorPairs(all, (i, j, products) => {
    const [x, y] = [all[i], all[j]];
    if (!x || !y || (i !== 0 && i !== j)) return;
    const value = innerOf(x, y, products);
    if (i === 0) inner[j] = value;
    if (i === j) squares[j] = Math.max(0, value);
  });
  return {
    squares: squares[0] ?? 0,
    merges: merges.map((each, at) =>
      each ? { merged: squares[at + 1] ?? 0, inner: inner[at + 1] ?? 0 } : null,
    ),
  };
}

/** A difference of squares below this share of them is rounding. */
const ROUNDING = 1e-13;

/** How far a merge is from the true sum, and how it differs. */
export interface MergeFigures {
  /** ‖M − T‖ / ‖T‖, 0 where it is below what rounding makes of it (3·10⁻⁷). */
  readonly error: number | null;
  readonly cosine: number | null;
  /** ‖M‖ / ‖T‖ */
  readonly ratio: number | null;
}

/** Error, cosine and ratio of norms; `null` where there is nothing to compare with, or a value that is not finite. */
export function mergeFigures(sums: MergeSums | null): MergeFigures {
  if (!sums || !(sums.truth > 0) || !Number.isFinite(sums.truth + sums.merged))
    return { error: null, cosine: null, ratio: null };
  const { truth, merged, inner } = sums;
  const squares = truth - 2 * inner + merged;
  const error = squares <= ROUNDING * (truth + merged) ? 0 : Math.sqrt(squares / truth);
  const cosine = merged > 0 ? Math.min(1, Math.max(-1, inner / Math.sqrt(truth * merged))) : null;
  return { error, cosine, ratio: Math.sqrt(merged / truth) };
}

/** Sums over tensors; `null` where one of them has none. */
export function addMerges(all: readonly (MergeSums | null)[]): MergeSums | null {
  let sum: MergeSums = { truth: 0, merged: 0, inner: 0, rank: 0 };
  for (const each of all) {
    if (!each) return null;
    sum = {
      truth: sum.truth + each.truth,
      merged: sum.merged + each.merged,
      inner: sum.inner + each.inner,
      rank: Math.max(sum.rank, each.rank),
    };
  }
  return all.length > 0 ? sum : null;
}
