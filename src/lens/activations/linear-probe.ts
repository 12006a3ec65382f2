import { SplitMix64 } from '../../tensor/split-mix';
import type { Dense } from '../../tensor/linear/dense';
import { transposed } from '../../tensor/linear/dense';
import { multiply, multiplyTransposed } from '../../tensor/linear/multiply';
import { minimise } from './minimise';

/** Rows of features with a class each, from 0 on. */
export interface Labelled {
  readonly features: Dense;
  readonly labels: Int32Array;
}

/** Indices of rows to learn from and to measure on. */
export interface Split {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/**
 * Every third row of each class, after shuffling, is measured on; the others are learnt from. The same for the same seed.
 * A class with one row is learnt from only.
 */
export function splitByClass(labels: Int32Array, seed: number): Split {
  const random = new SplitMix64(seed);
  const classes = new Map<number, number[]>();
  labels.forEach((label, row) => classes.set(label, [...(classes.get(label) ?? []), row]));
  const [train, test]: [number[], number[]] = [[], []];
  for (const rows of [...classes].sort(([x], [y]) => x - y).map(([, own]) => own)) {
    for (let last = rows.length - 1; last > 0; last--) {
      const at = random.below(last + 1);
      [rows[last], rows[at]] = [rows[at] ?? 0, rows[last] ?? 0];
    }
    rows.forEach((row, at) => (at % 3 === 1 ? test : train).push(row));
  }
  return { train: train.sort((x, y) => x - y), test: test.sort((x, y) => x - y) };
}

/** A linear classifier over standardised features: the last column of the weights is the bias. */
export interface LinearProbe {
  /** classes × (features + 1) */
  readonly weights: Dense;
  /** Of the features it was learnt from. */
  readonly mean: Float64Array;
  /** 0 for features that do not vary: they are not looked at. */
  readonly scale: Float64Array;
}

/**
 * Multinomial logistic regression with an l2 penalty on the weights, not on the bias: minimises
 * Σ −log softmax(Wx + b)[y] + ‖W‖²/(2c) over standardised features, as scikit-learn's LogisticRegression with C = c does.
 */
export function fitProbe({ features, labels }: Labelled, classes: number, c: number): LinearProbe {
  const { mean, scale } = standardisation(features);
  const x = standardised(features, mean, scale);
  const width = x.columns;
  const n = x.rows;
  const start = new Float64Array(classes * width);
  const found = minimise(start, (weights) => {
    const scores = multiplyTransposed(x, { rows: classes, columns: width, values: weights });
    let loss = 0;
    for (let row = 0; row < n; row++)
      loss += softmaxLess(scores.values, row * classes, classes, labels[row] ?? 0);
    const gradient = multiply(transposed(scores), x).values;
    for (let at = 0; at < weights.length; at++) {
      if (at % width === width - 1) continue;
      const weight = weights[at] ?? 0;
      loss += weight ** 2 / (2 * c);
      gradient[at] = (gradient[at] ?? 0) + weight / c;
    }
    return { value: loss / n, gradient: gradient.map((each) => each / n) };
  });
  return { weights: { rows: classes, columns: width, values: found }, mean, scale };
}

/** Share of rows whose class has the highest score; `null` without rows. */
export function accuracyOf(
  { weights, mean, scale }: LinearProbe,
  { features, labels }: Labelled,
): number | null {
  if (features.rows === 0) return null;
  const scores = multiplyTransposed(standardised(features, mean, scale), weights).values;
  let right = 0;
  labels.forEach((label, row) => {
    let best = 0;
    for (let k = 1; k < weights.rows; k++) {
      if ((scores[row * weights.rows + k] ?? 0) > (scores[row * weights.rows + best] ?? 0)) best = k;
    }
    if (best === label) right++;
  });
  return right / features.rows;
}

/** Rows of a labelled set. */
export function rowsOf({ features, labels }: Labelled, rows: readonly number[]): Labelled {
  const { columns, values } = features;
  const chosen = new Float64Array(rows.length * columns);
  rows.forEach((row, at) => chosen.set(values.subarray(row * columns, (row + 1) * columns), at * columns));
  return {
    features: { rows: rows.length, columns, values: chosen },
    labels: Int32Array.from(rows, (row) => labels[row] ?? 0),
  };
}

/** Puts softmax − 1[label] in the place of scores, and returns −log softmax[label]. */
function softmaxLess(scores: Float64Array, start: number, classes: number, label: number): number {
  const own = scores.subarray(start, start + classes);
  const most = own.reduce((greatest, score) => Math.max(greatest, score), -Infinity);
  const shifted = (own[label] ?? 0) - most;
  let sum = 0;
  own.forEach((score, k) => (sum += own[k] = Math.exp(score - most)));
  own.forEach((power, k) => (own[k] = power / sum - Number(k === label)));
  return Math.log(sum) - shifted;
}

/** A spread below so much of the size is what float32 leaves of a constant. */
const ROUNDING = 1e-6;

function standardisation({ rows, columns, values }: Dense): { mean: Float64Array; scale: Float64Array } {
  const mean = new Float64Array(columns);
  values.forEach((value, at) => (mean[at % columns] = (mean[at % columns] ?? 0) + value / rows));
  const squares = new Float64Array(columns);
  values.forEach((value, at) => {
    const k = at % columns;
    squares[k] = (squares[k] ?? 0) + (value - (mean[k] ?? 0)) ** 2 / rows;
  });
  const scale = squares.map((square, k) => {
    const deviation = Math.sqrt(square);
    return deviation > ROUNDING * Math.abs(mean[k] ?? 0) && deviation > 0 ? 1 / deviation : 0;
  });
  return { mean, scale };
}

/** Standardised features with a column of ones behind them. */
function standardised({ rows, columns, values }: Dense, mean: Float64Array, scale: Float64Array): Dense {
  const width = columns + 1;
  const result = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < columns; k++)
      result[row * width + k] = ((values[row * columns + k] ?? 0) - (mean[k] ?? 0)) * (scale[k] ?? 0);
    result[row * width + columns] = 1;
  }
  return { rows, columns: width, values: result };
}
