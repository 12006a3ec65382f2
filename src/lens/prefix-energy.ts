/** Share of Σx² in the first k units, k = 1 … n; `null` where there is none. */
function prefixShares(squares: Float64Array): Float64Array | null {
  const total = squares.reduce((sum, each) => sum + each, 0);
  if (!(total > 0) || !Number.isFinite(total)) return null;
  let sum = 0;
  return squares.map((each) => (sum += each) / total);
}

/** What the leading part of some units holds. Names are those of the table's columns. */
export interface NestedFigures {
  readonly nestedness: number | null;
  readonly spearman: number | null;
  readonly energy_quarter: number | null;
  readonly energy_half: number | null;
  readonly energy_three_quarters: number | null;
  readonly sorted_half: number | null;
}

/** Widths at which curves are drawn. */
export const WIDTHS: readonly number[] = [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8, 1];

/** Figures of some units, and the shares that the first of them hold at {@link WIDTHS}: as stored, and sorted. */
export interface NestedUnits {
  readonly units: number;
  readonly figures: NestedFigures;
  readonly given: readonly number[] | null;
  readonly sorted: readonly number[] | null;
}

/** What units hold in the order in which they are stored, from Σx² of each. */
export function nestedUnits(squares: Float64Array): NestedUnits {
  const given = prefixShares(squares);
  const sorted = prefixShares(squares.slice().sort((x, y) => y - x));
  const curve = (shares: Float64Array | null) => shares && WIDTHS.map((width) => shareAt(shares, width));
  const figures = {
    nestedness: given && sorted && nestedness(given, sorted),
    spearman: fallingOrder(squares),
    energy_quarter: given && shareAt(given, 1 / 4),
    energy_half: given && shareAt(given, 1 / 2),
    energy_three_quarters: given && shareAt(given, 3 / 4),
    sorted_half: sorted && shareAt(sorted, 1 / 2),
  };
  return { units: squares.length, figures, given: curve(given), sorted: curve(sorted) };
}

/** Share in the first ⌈width · n⌉ units. */
function shareAt(shares: Float64Array, width: number): number {
  return shares[Math.ceil(width * shares.length) - 1] ?? 0;
}

/**
 * The area between the curve of prefix shares and the straight line of equal units, as a part of the area that sorting
 * the units would give: 1 for units sorted by falling energy, 0 for no order, −1 for rising energy. `null` where all
 * units are equal.
 */
function nestedness(given: Float64Array, sorted: Float64Array): number | null {
  const n = given.length;
  const equal = (n + 1) / 2;
  const area = (shares: Float64Array) => shares.reduce((sum, each) => sum + each, 0) - equal;
  const most = area(sorted);
  return most > 1e-9 * n ? area(given) / most : null;
}

/**
 * Spearman's rank correlation of energy with falling index: 1 where every unit has less than the one before. `null`
 * for fewer than two units, or all equal ones.
 */
function fallingOrder(squares: Float64Array): number | null {
  const n = squares.length;
  const ranks = averageRanks(squares);
  const mean = (n - 1) / 2;
  let covariance = 0;
  let variance = 0;
  let ofIndex = 0;
  for (let i = 0; i < n; i++) {
    const rank = (ranks[i] as number) - mean;
    covariance += (mean - i) * rank;
    variance += rank * rank;
    ofIndex += (i - mean) ** 2;
  }
  const value = covariance / Math.sqrt(variance * ofIndex);
  return Number.isFinite(value) ? value : null;
}

/** Ranks from 0 on; equal values share the mean of theirs. */
function averageRanks(values: Float64Array): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number));
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let end = from + 1;
    while (end < order.length && values[order[end] as number] === values[order[from] as number]) end++;
    for (let k = from; k < end; k++) ranks[order[k] as number] = (from + end - 1) / 2;
    from = end;
  }
  return ranks;
}
