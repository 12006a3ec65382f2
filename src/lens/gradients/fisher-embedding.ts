import { compareRows, placeOf } from '../../model/naming';
import type { TensorFisher } from './fisher-pass';

/** Squares of gradients that float32 leaves of zeros: less than 10⁻¹⁰ of the average. */
const NOISE = 1e-10;

/** The Fisher information of one task as a vector: the mean over each tensor, tensors of rounding only left out. */
export function fisherEmbedding(tensors: readonly TensorFisher[]): ReadonlyMap<string, number> {
  const all = tensors.reduce((total, { sum }) => total + sum, 0);
  const weights = tensors.reduce((total, { count }) => total + count, 0);
  const least = (NOISE * all) / Math.max(1, weights);
  return new Map(
    tensors.flatMap(({ tensor, sum, count }) => {
      const mean = sum / Math.max(1, count);
      return mean > least ? [[tensor, mean] as const] : [];
    }),
  );
}

/**
 * d(a, b) = 1 − cos(Fₐ/(Fₐ+F_b), F_b/(Fₐ+F_b)) over the tensors that both have: the symmetric distance of Task2Vec (Achille
 * et al. 2019), between 0 and 1, which a common factor of single entries does not change. `null` where no tensor is common.
 */
export function embeddingDistance(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): number | null {
  let [dot, own, other] = [0, 0, 0];
  for (const [tensor, value] of a) {
    const second = b.get(tensor);
    if (second === undefined) continue;
    const [x, y] = [value / (value + second), second / (value + second)];
    dot += x * y;
    own += x * x;
    other += y * y;
  }
  const size = Math.sqrt(own * other);
  // Rounding would say −2e-16 of a task and itself.
  return size > 0 ? Math.max(0, 1 - dot / size) : null;
}

/** How concentrated the Fisher information of a layer is, by row of the heatmap, rows in network order. */
export function concentrations(tensors: readonly TensorFisher[]): ReadonlyMap<string, number | null> {
  const rows = new Map<string, { sum: number; squares: number; count: number }>();
  for (const { tensor, sum, frobenius, count } of tensors) {
    const { row } = placeOf(tensor);
    const own = rows.get(row) ?? { sum: 0, squares: 0, count: 0 };
    own.sum += sum;
    own.squares += frobenius * frobenius;
    own.count += count;
    rows.set(row, own);
  }
  return new Map(
    [...rows]
      .sort(([x], [y]) => compareRows(x, y))
      .map(([row, { sum, squares, count }]) => [
        row,
        // mean(F²) / mean(F)²
        sum > 0 ? (squares * count) / (sum * sum) : null,
      ]),
  );
}
