import { transposed, type Dense } from '../../tensor/linear/dense';
import { multiply, packedRowGram } from '../../tensor/linear/multiply';

/** Features of one layer over samples, the mean of each taken off, with what every comparison needs of them. */
export interface CentredFeatures {
  /** samples × features */
  readonly values: Dense;
  /** ‖xᵢ‖² of every sample: the diagonal of XXᵀ. */
  readonly squares: Float64Array;
  /** ‖XᵀX‖_F², HSIC of the features with themselves but for a factor. */
  readonly own: number;
  /** XXᵀ as {@link packedRowGram} has it, where comparisons are less work with it; a large one is rounded to float32. */
  readonly gram: Float64Array | Float32Array | null;
  /** Whether the features differ between samples by more than float32 rounds off. */
  readonly varies: boolean;
}

/** Linear centred kernel alignment of two layers; both `null` where one of them is the same for every sample. */
export interface Cka {
  /** 0..1 */
  readonly plain: number | null;
  /** About 0 for unrelated features, however many there are; `null` below four samples. */
  readonly debiased: number | null;
}

/** A spread below so much of the size is what rounding to float32 leaves of a constant. */
const ROUNDING = 1e-10;

/** Samples up to which Gram matrices are kept at all, and in float64: 32 MiB and 4 MiB of one layer. */
const MOST_SAMPLES = 4096;
const MOST_EXACT = 1024;

/**
 * Takes the mean of every feature off. `features` is samples × features and is not changed; `partners` is how many layers
 * it will be compared with.
 */
export function centred(features: Dense, partners = 1): CentredFeatures {
  const { rows, columns } = features;
  const { values, size } = withoutMeans(features);
  const squares = rowSquares(values);
  const spread = squares.reduce((sum, square) => sum + square, 0);
  // n²·d once, against d²·n for every partner.
  const isShort = rows <= MOST_SAMPLES && rows <= columns * Math.max(1, partners);
  const gram = isShort ? packedRowGram(values, rows > MOST_EXACT) : null;
  const own = squaresOf(gram ?? multiply(transposed(values), values).values);
  return { values, squares, own, gram, varies: spread > ROUNDING * size };
}

/** Features without the mean of each, and `Σ x²` of what they were. */
function withoutMeans({ rows, columns, values }: Dense): { readonly values: Dense; readonly size: number } {
  const means = new Float64Array(columns);
  let size = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = values[row * columns + column] as number;
      means[column] = (means[column] as number) + value / rows;
      size += value * value;
    }
  }
  const centre = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      centre[at] = (values[at] as number) - (means[column] as number);
    }
  }
  return { values: { rows, columns, values: centre }, size };
}

/**
 * Linear CKA ‖YᵀX‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F) of centred features (Kornblith et al. 2019, eq. 3 with HSIC of linear kernels), and
 * the same with the unbiased estimator of HSIC (Song et al. 2012, eq. 5) as Nguyen et al. 2021 use it. Of centred features
 * every row of XXᵀ sums to 0, so that the estimator needs its diagonal only. Both must be over the same samples in the same
 * order: RangeError otherwise.
 */
export function linearCka(x: CentredFeatures, y: CentredFeatures): Cka {
  const samples = x.values.rows;
  if (samples !== y.values.rows) throw new RangeError('features are over different samples');
  if (!x.varies || !y.varies) return { plain: null, debiased: null };
  const cross = crossSquares(x, y);
  const plain = cross / Math.sqrt(x.own * y.own);
  if (samples < 4) return { plain, debiased: null };
  const both = unbiased(x, y, cross);
  const alone = unbiased(x, x, x.own) * unbiased(y, y, y.own);
  return { plain, debiased: alone > 0 ? both / Math.sqrt(alone) : null };
}

/**
 * HSIC₁ of linear kernels (Song et al. 2012, eq. 5) but for its factor 1/(n(n − 3)); needs four samples. Both must be over the same
 * samples in the same order: RangeError otherwise.
 */
export function unbiasedHsic(x: CentredFeatures, y: CentredFeatures): number {
  if (x.values.rows !== y.values.rows) throw new RangeError('features are over different samples');
  return unbiased(x, y, crossSquares(x, y));
}

/** ‖YᵀX‖_F² = ⟨XXᵀ, YYᵀ⟩, whichever is less work. */
function crossSquares(x: CentredFeatures, y: CentredFeatures): number {
  if (x === y) return x.own;
  if (x.gram === null || y.gram === null) {
    return squaresOf(multiply(transposed(y.values), x.values).values);
  }
  return innerProduct(x.gram, y.gram);
}

/** Σ xᵢyᵢ, in four sums that do not wait for each other. */
function innerProduct(x: Float64Array | Float32Array, y: Float64Array | Float32Array): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = x.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += (x[i] as number) * (y[i] as number);
    b += (x[i + 1] as number) * (y[i + 1] as number);
    c += (x[i + 2] as number) * (y[i + 2] as number);
    d += (x[i + 3] as number) * (y[i + 3] as number);
  }
  for (let i = whole; i < x.length; i++) a += (x[i] as number) * (y[i] as number);
  return a + b + c + d;
}

/** HSIC₁ · n(n − 3) of centred features whose ⟨XXᵀ, YYᵀ⟩ is `cross`. */
function unbiased(x: CentredFeatures, y: CentredFeatures, cross: number): number {
  const n = x.squares.length;
  let diagonal = 0;
  let sumX = 0;
  let sumY = 0;
  x.squares.forEach((square, i) => {
    diagonal += square * (y.squares[i] ?? 0);
    sumX += square;
    sumY += y.squares[i] ?? 0;
  });
  return cross - diagonal + (sumX * sumY) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * diagonal;
}

function rowSquares({ rows, columns, values }: Dense): Float64Array {
  const squares = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) sum += (values[at] as number) ** 2;
    squares[row] = sum;
  }
  return squares;
}

function squaresOf(values: Float64Array | Float32Array): number {
  return innerProduct(values, values);
}
