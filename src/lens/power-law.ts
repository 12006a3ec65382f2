/** A power law p(λ) ∝ λ^−α for λ ≥ λ_min, fitted to the tail of a matrix's eigenvalues λ = σ². */
export interface PowerLaw {
  readonly alpha: number;
  /** Eigenvalues in the tail. */
  readonly tail: number;
  /** Kolmogorov–Smirnov distance between tail and law. */
  readonly distance: number;
}

/** Below this many values the estimate is biased and its threshold is chance (Clauset, Shalizi, Newman 2009, section 3.1). */
export const LEAST_TAIL = 50;

/**
 * Exponent of the tail by maximum likelihood, α = 1 + n/Σ ln(λᵢ/λ_min), with λ_min where the Kolmogorov–Smirnov distance
 * is least (Clauset, Shalizi, Newman 2009, equations 3.1 and 3.9). Only tails of at least {@link LEAST_TAIL} values are
 * considered; `null` where there is none, or where all their values are the same. `singular` descends.
 */
export function powerLaw(singular: Float64Array): PowerLaw | null {
  const logs = logarithms(singular);
  let best: PowerLaw | null = null;
  let sum = 0;
  for (const [index, log] of logs.entries()) {
    sum += log;
    const tail = index + 1;
    // A tail ends where the next value is smaller, since equal values belong together, and has to fall off at all.
    if (tail < LEAST_TAIL || logs[tail] === log) continue;
    if (log === logs[0]) continue;
    const alpha = 1 + tail / (sum - tail * log);
    const distance = distanceOf(logs, tail, alpha, best?.distance ?? Infinity);
    if (best === null || distance < best.distance) best = { alpha, tail, distance };
  }
  return best;
}

/** How many singular values are large enough to count: what rounding leaves of a 0 is no value. */
export function countedValues(singular: Float64Array): number {
  return logarithms(singular).length;
}

/** ln λ of the values above rounding, descending. */
function logarithms(singular: Float64Array): readonly number[] {
  const largest = singular[0] ?? 0;
  const least = largest * singular.length * 2 ** -52;
  return Array.from(singular)
    .filter((value) => value > least)
    .map((value) => 2 * Math.log(value));
}

/** The greatest gap between both cumulative distributions; anything from `enough` on is as good as infinite. */
function distanceOf(logs: readonly number[], tail: number, alpha: number, enough: number): number {
  const least = logs[tail - 1] ?? 0;
  let distance = 0;
  for (let index = 0; index < tail; index++) {
    const model = -Math.expm1((1 - alpha) * ((logs[index] ?? 0) - least));
    const above = (tail - index) / tail;
    distance = Math.max(distance, Math.abs(model - above), Math.abs(model - above + 1 / tail));
    if (distance >= enough) return Infinity;
  }
  return distance;
}
