import type { Dense } from '../../tensor/linear/dense';
import { multiplyTransposed } from '../../tensor/linear/multiply';

/**
 * The representational dissimilarity matrix of one layer, its upper triangle without the diagonal: as it is and as ranks, both
 * with mean 0 and length 1, so that a correlation is an inner product. `null` where all dissimilarities are the same.
 */
export interface Dissimilarities {
  readonly values: Float64Array | null;
  readonly ranks: Float64Array | null;
}

/** How alike the geometries of two layers are; `null` where one of them has none. */
export interface Rsa {
  /** Spearman's ρ: by order alone, as Kriegeskorte et al. 2008 advise where relations need not be linear. */
  readonly spearman: number | null;
  /** Pearson's r. */
  readonly pearson: number | null;
}

const NONE: Dissimilarities = { values: null, ranks: null };

/** A spread below so much of what distances can be is what float32 leaves of a constant. */
const ROUNDING = 1e-6;

/**
 * Dissimilarities 1 − r of the rows (samples) of `features`, r being Pearson's correlation over the features (Kriegeskorte, Mur,
 * Bandettini 2008). Undefined where a row is constant, or below three rows.
 */
export function dissimilarities(features: Dense): Dissimilarities {
  const { rows } = features;
  const unit = unitRows(features);
  if (unit === null || rows < 3) return NONE;
  const { values: products } = multiplyTransposed(unit, unit);
  const values = new Float64Array((rows * (rows - 1)) / 2);
  let at = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = i + 1; j < rows; j++) values[at++] = 1 - (products[i * rows + j] as number);
  }
  const normal = normalised(values, ROUNDING);
  return normal === null ? NONE : { values: normal, ranks: normalised(ranksOf(values), 0) };
}

/** Correlations of two representational dissimilarity matrices over the same samples: RangeError for others. */
export function similarityOfGeometry(x: Dissimilarities, y: Dissimilarities): Rsa {
  return { spearman: product(x.ranks, y.ranks), pearson: product(x.values, y.values) };
}

function product(x: Float64Array | null, y: Float64Array | null): number | null {
  if (x === null || y === null) return null;
  if (x.length !== y.length) throw new RangeError('dissimilarities are over different samples');
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
  return Math.max(-1, Math.min(1, sum));
}

/** Rows less their mean, of length 1; `null` where one is constant but for rounding. */
function unitRows({ rows, columns, values }: Dense): Dense | null {
  const unit = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    const own = normalised(values.subarray(row * columns, (row + 1) * columns), 0);
    if (own === null) return null;
    unit.set(own, row * columns);
  }
  return { rows, columns, values: unit };
}

/** Less the mean, and divided by the length; `null` where the root mean square of what is left is at most `least`, or rounding. */
function normalised(values: Float64Array, least: number): Float64Array | null {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const centred = values.map((value) => value - mean);
  const squares = centred.reduce((sum, value) => sum + value * value, 0);
  const size = values.reduce((sum, value) => sum + value * value, 0);
  if (!(squares > Math.max(1e-14 * size, least ** 2 * values.length))) return null;
  const length = Math.sqrt(squares);
  return centred.map((value) => value / length);
}

/** Ranks from 1 on; those of ties are their mean. */
export function ranksOf(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, at) => at).sort(
    (x, y) => (values[x] as number) - (values[y] as number),
  );
  const ranks = new Float64Array(values.length);
  for (let first = 0; first < order.length;) {
    const value = values[order[first] as number];
    let end = first + 1;
    while (end < order.length && values[order[end] as number] === value) end++;
    for (let at = first; at < end; at++) ranks[order[at] as number] = (first + 1 + end) / 2;
    first = end;
  }
  return ranks;
}
