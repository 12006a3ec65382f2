import { numberMean } from './number-mean';
import { squaresOf, type Dense } from '../../tensor/linear/dense';

/**
 * Curvature of the way from token to token in radians (Hosseini, Fedorenko 2023; Skean et al. 2025, eq. 4): the mean over k of
 * arccos⟨vₖ, vₖ₊₁⟩/(‖vₖ‖‖vₖ₊₁‖) with vₖ = zₖ₊₁ − zₖ. Steps of length 0 have no direction; `null` where no two steps have.
 */
export function curvature({ rows, columns, values }: Dense): number | null {
  const angles: number[] = [];
  for (let row = 1; row + 1 < rows; row++) {
    let [dot, before, after] = [0, 0, 0];
    for (let k = 0; k < columns; k++) {
      const here = values[row * columns + k] ?? 0;
      const first = here - (values[(row - 1) * columns + k] ?? 0);
      const next = (values[(row + 1) * columns + k] ?? 0) - here;
      dot += first * next;
      before += first * first;
      after += next * next;
    }
    const cosine = dot / Math.sqrt(before * after);
    if (Number.isFinite(cosine)) angles.push(Math.acos(Math.max(-1, Math.min(1, cosine))));
  }
  return numberMean(angles);
}

/**
 * What is left of the tokens of a sample without their mean, ‖H − 1·mean‖_F / ‖H‖_F: 0 where all tokens have become one
 * (Dong, Cordonnier, Loukas 2021; Zhao et al. 2023). `null` for one token, and where all are 0.
 */
export function tokenResidual(tokens: Dense): number | null {
  const { rows, columns, values } = tokens;
  const size = squaresOf(tokens);
  if (rows < 2 || !(size > 0)) return null;
  const sums = new Float64Array(columns);
  values.forEach((value, at) => (sums[at % columns] = (sums[at % columns] ?? 0) + value));
  const common = sums.reduce((total, sum) => total + sum * sum, 0) / rows;
  return Math.sqrt(Math.max(0, 1 - common / size));
}

/**
 * Mean cosine between two different tokens of a sample: (‖Σ ẑₜ‖² − T) / (T(T − 1)) over the T tokens that are not 0; `null`
 * below two of them.
 */
export function tokenCosine({ rows, columns, values }: Dense): number | null {
  const sums = new Float64Array(columns);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0) || !Number.isFinite(length)) continue;
    count++;
    own.forEach((value, k) => (sums[k] = (sums[k] ?? 0) + value / length));
  }
  if (count < 2) return null;
  const squares = sums.reduce((total, sum) => total + sum * sum, 0);
  return (squares - count) / (count * (count - 1));
}
