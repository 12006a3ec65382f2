/**
 * Squares of gradients that float32 leaves of zeros (a softmax does not see a shift of all its scores, so key biases have
 * no gradient): less than 10⁻¹⁰ of the average over all weights.
 */
const NOISE = 1e-10;

/** The tensors whose gradient is rounding only; `gradients` are those of one task. */
export function roundingNoise(gradients: ReadonlyMap<string, Float32Array>): ReadonlySet<string> {
  const squares = [...gradients].map(([tensor, values]) => {
    const sum = values.reduce((total, value) => total + value * value, 0);
    return { tensor, sum, count: values.length };
  });
  const all = squares.reduce((total, { sum }) => total + sum, 0);
  const weights = squares.reduce((total, { count }) => total + count, 0);
  const most = (NOISE * all) / Math.max(1, weights);
  return new Set(squares.flatMap(({ tensor, sum, count }) => (sum <= most * count ? [tensor] : [])));
}
