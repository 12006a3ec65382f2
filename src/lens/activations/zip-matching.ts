import type { Dense } from '../../tensor/linear/dense';
import { multiply } from '../../tensor/linear/multiply';
import { transposed } from '../../tensor/linear/dense';

/** Greedy matching of the features of two models. */
export interface ZipMatching {
  /** Groups of features that became one; those below `features` are of the first model, the others of the second. */
  readonly groups: readonly (readonly number[])[];
  /** Correlation of the two (merged) features at every match, in the order of matching, before α. */
  readonly matched: readonly number[];
  /** Groups with features of both models, and of one alone. */
  readonly both: number;
  readonly first: number;
  readonly second: number;
}

/** How matching is done; the defaults of the released code are α = 0.3 and β = 0.125. */
export interface ZipOptions {
  /** Similarities of a merged feature are multiplied with it. */
  readonly alpha: number;
  /** Share of the matches that may be within one model. */
  readonly beta: number;
}

/**
 * Correlations between the columns of two sets of features over the same samples, side by side: 2d × 2d. A feature that does
 * not vary has none: 0.
 */
export function featureCorrelations(x: Dense, y: Dense): Dense {
  const { rows, columns: d } = x;
  const width = d + y.columns;
  const values = new Float64Array(rows * width);
  for (const [side, offset] of [
    [x, 0],
    [y, d],
  ] as const) {
    for (let k = 0; k < side.columns; k++) {
      const column = Float64Array.from(
        { length: rows },
        (_, row) => side.values[row * side.columns + k] ?? 0,
      );
      const mean = column.reduce((sum, value) => sum + value, 0) / rows;
      const size = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0));
      if (!(size > ROUNDING * Math.abs(mean) * Math.sqrt(rows))) continue;
      column.forEach((value, row) => (values[row * width + offset + k] = (value - mean) / size));
    }
  }
  const normed = { rows, columns: width, values };
  return multiply(transposed(normed), normed);
}

/** What float32 leaves of a constant. */
const ROUNDING = 1e-6;

/**
 * Joins 2d features into d, the most correlated first (Stoica et al. 2024, section 4.2 and 4.3, with the rules of the released
 * code): a merged feature is as similar to others as the less similar of its two parts, times α; matches within a model end
 * when the model's budget ⌊β·d/2⌋ is spent (no less than one is made). `correlations` is 2d × 2d.
 */
export function zipMatching(correlations: Dense, { alpha, beta }: ZipOptions): ZipMatching {
  const n = correlations.rows;
  const half = n / 2;
  const similar = correlations.values.slice();
  for (let i = 0; i < n; i++) similar[i * n + i] = -Infinity;
  const groups = new Map(
    Array.from({ length: n }, (_, i) => [i, [i]] as const).map(([i, own]) => [i, [...own]]),
  );
  const origin = Int8Array.from({ length: n }, (_, i) => (i < half ? 0 : 1));
  const budget = [0, 0].map(() => Math.floor((half / 2) * beta + 1e-4));
  const matched: number[] = [];
  while (groups.size > half) {
    const open = [...groups.keys()];
    const [i, j] = mostSimilar(similar, open, n);
    const own = similar[i * n + j] ?? 0;
    if (!Number.isFinite(own)) break;
    matched.push(own);
    groups.get(i)?.push(...(groups.get(j) ?? []));
    groups.delete(j);
    for (const k of open) {
      const least = Math.min(similar[i * n + k] ?? 0, similar[j * n + k] ?? 0) * alpha;
      if (k !== i) similar[i * n + k] = similar[k * n + i] = k === j ? -Infinity : least;
    }
    if (origin[i] !== origin[j]) continue;
    const side = origin[i] ?? 0;
    budget[side] = (budget[side] ?? 0) - 1;
    if ((budget[side] ?? 0) > 0) continue;
    const closed = [...groups.keys()].filter((k) => origin[k] === side);
    for (const a of closed) for (const b of closed) similar[a * n + b] = -Infinity;
  }
  const all = [...groups.values()];
  const first = all.filter((group) => group.every((k) => k < half)).length;
  const second = all.filter((group) => group.every((k) => k >= half)).length;
  return { groups: all, matched, first, second, both: all.length - first - second };
}

function mostSimilar(similar: Float64Array, open: readonly number[], n: number): readonly [number, number] {
  let best: readonly [number, number] = [open[0] ?? 0, open[1] ?? 0];
  let most = -Infinity;
  for (const i of open) {
    for (const j of open) {
      const own = similar[i * n + j] ?? -Infinity;
      if (j > i && own > most) [best, most] = [[i, j], own];
    }
  }
  return best;
}
