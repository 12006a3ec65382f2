import { transposed, type Dense } from '../../tensor/linear/dense';
import { multiply, multiplyTransposed } from '../../tensor/linear/multiply';

/** Features of one layer over samples, the mean of each taken off, with what every comparison needs of them. */
export interface CentredFeatures {
  /** samples × features */
  readonly values: Dense;
  /** ‖xᵢ‖² of every sample: the diagonal of XXᵀ. */
  readonly squares: Float64Array;
  /** ‖XᵀX‖_F², HSIC of the features with themselves but for a factor. */
  readonly own: number;
  /** XXᵀ, where it is no larger than the features. */
  readonly gram: Dense | null;
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

/** Takes the mean of every feature off. `features` is samples × features and is not changed. */
export function centred(features: Dense): CentredFeatures {
  const { rows, columns } = features;
  const means = new Float64Array(columns);
  let size = 0;
  features.values.forEach((value, at) => {
    means[at % columns] = (means[at % columns] ?? 0) + value / rows;
    size += value * value;
  });
  const values = {
    rows,
    columns,
    values: features.values.map((value, at) => value - (means[at % columns] ?? 0)),
  };
  const squares = rowSquares(values);
  const spread = squares.reduce((sum, square) => sum + square, 0);
  const gram = rows <= columns ? multiplyTransposed(values, values) : null;
  const own = squaresOf(gram ?? multiply(transposed(values), values));
  return { values, squares, own, gram, varies: spread > ROUNDING * size };
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

/** ‖YᵀX‖_F² = ⟨XXᵀ, YYᵀ⟩, whichever side is shorter. */
function crossSquares(x: CentredFeatures, y: CentredFeatures): number {
  if (x === y) return x.own;
  if (x.gram === null || y.gram === null) return squaresOf(multiply(transposed(y.values), x.values));
  const other = y.gram.values;
  return x.gram.values.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0);
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
  values.forEach((value, at) => {
    const row = Math.floor(at / columns);
    squares[row] = (squares[row] ?? 0) + value * value;
  });
  return squares;
}

function squaresOf({ values }: Dense): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
