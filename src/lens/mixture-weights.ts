import type { SkillFactors, Weighing } from '../model/learned-mixtures';
import type { LowRankDelta } from '../tensor/pass';

/** Added to a sum before it divides, as PEFT and mttl do. */
const EPSILON = 1e-12;

/**
 * Stored numbers as weights, row by row and split by split. Polytropon: sigmoid over the sum of sigmoids of a split (Ponti et al.
 * 2023; PEFT's `PolyRouter` when it does not train). Log-variances: exp(−s), with ½ left to regressions (Kendall et al. 2018).
 */
export function weightsOf(values: Float64Array, columns: number, weighing: Weighing): Float64Array {
  if (weighing === 'none') return values;
  if (weighing === 'inverse variance') return values.map((value) => Math.exp(-value));
  const weights = values.slice();
  for (let first = 0; first < values.length; first += columns) {
    const part = weights.subarray(first, first + columns);
    const most = part.reduce((best, value) => Math.max(best, value), -Infinity);
    part.forEach((value, at) => {
      part[at] = weighing === 'softmax' ? Math.exp(value - most) : 1 / (1 + Math.exp(-value));
    });
    const sum = part.reduce((total, value) => total + value, 0) + (weighing === 'softmax' ? 0 : EPSILON);
    part.forEach((value, at) => {
      part[at] = value / sum;
    });
  }
  return weights;
}

/** exp(−Σ p ln p) of weights that are brought to the sum 1; `null` where they have none. */
export function effectiveNumber(weights: ArrayLike<number>): number | null {
  const all = Array.from(weights);
  const sum = all.reduce((total, value) => total + value, 0);
  if (!(sum > 0) || all.some((value) => value < 0)) return null;
  const entropy = all.reduce(
    (total, value) => total - (value > 0 ? (value / sum) * Math.log(value / sum) : 0),
    0,
  );
  return Math.exp(entropy);
}

/**
 * ΔW of a task in one module: A = Σ_s g_qs A_qs stacked over the splits q of the input, B = Σ_s g_qs B_qs side by side over those of
 * the output, y = x·A·B / r (Caccia et al. 2023, eq. 4; PEFT's `poly` layer), so ΔW = Bᵀ·Aᵀ / r. `weights` is splits × skills.
 */
export function mixedDelta(
  { splits, skills, rank, inputs, outputs }: SkillFactors,
  a: Float64Array,
  b: Float64Array,
  weights: Float64Array,
): LowRankDelta {
  const [deep, wide] = [inputs / splits, outputs / splits];
  const left = new Float64Array(rank * inputs);
  const right = new Float64Array(outputs * rank);
  for (let q = 0; q < splits; q++) {
    for (let s = 0; s < skills; s++) {
      const weight = weights[q * skills + s] as number;
      const [fromA, fromB] = [(q * skills + s) * deep * rank, (q * skills + s) * rank * wide];
      for (let i = 0; i < deep; i++)
        for (let k = 0; k < rank; k++)
          left[k * inputs + q * deep + i] =
            (left[k * inputs + q * deep + i] as number) + weight * (a[fromA + i * rank + k] as number);
      for (let k = 0; k < rank; k++)
        for (let o = 0; o < wide; o++)
          right[(q * wide + o) * rank + k] =
            (right[(q * wide + o) * rank + k] as number) + weight * (b[fromB + k * wide + o] as number);
    }
  }
  return { scale: 1 / rank, rank, a: left, b: right, rows: outputs, columns: inputs };
}
