import type { Moments } from './pass';

/**
 * cos(x, y) = ⟨x, y⟩ / (‖x‖‖y‖) from the inner product and the two squared norms, held within [−1, 1] against rounding.
 * `null` where it is not defined: a zero vector, or a sum that is not finite.
 */
export function cosine(dot: number, xx: number, yy: number): number | null {
  const norms = Math.sqrt(xx) * Math.sqrt(yy);
  if (!(norms > 0) || !Number.isFinite(norms) || !Number.isFinite(dot)) return null;
  return Math.max(-1, Math.min(1, dot / norms));
}

/** Standard deviation of the finite entries, dividing by their number; `null` where there are none. */
export function standardDeviation(moments: Moments): number | null {
  return moments.finite === 0 ? null : Math.sqrt(moments.m2 / moments.finite);
}

/** Largest |x| over the finite entries; `null` where there are none. */
export function absoluteMaximum(moments: Moments): number | null {
  return moments.finite === 0 ? null : Math.max(Math.abs(moments.min), Math.abs(moments.max));
}

/** How many NaN and ±Inf entries {@link Moments} names by position. */
export const NAMED_NON_FINITE = 8;

/**
 * Moments of two pieces of one tensor together; `before` holds the lower indices. Mean and m2 by equations 1.5a and
 * 1.5b of Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
 */
export function mergeMoments(before: Moments, after: Moments): Moments {
  return {
    kind: 'moments',
    count: before.count + after.count,
    finite: before.finite + after.finite,
    ...mergedSpread(before, after),
    min: Math.min(before.min, after.min),
    max: Math.max(before.max, after.max),
    l1: before.l1 + after.l1,
    squares: before.squares + after.squares,
    zeros: before.zeros + after.zeros,
    nan: before.nan + after.nan,
    inf: before.inf + after.inf,
    nonFinite: [...before.nonFinite, ...after.nonFinite].slice(0, NAMED_NON_FINITE),
  };
}

function mergedSpread(before: Moments, after: Moments): { mean: number; m2: number } {
  // With one side empty its mean is a placeholder, and the other side's figures are kept to the last bit.
  if (after.finite === 0) return { mean: before.mean, m2: before.m2 };
  if (before.finite === 0) return { mean: after.mean, m2: after.m2 };
  const difference = after.mean - before.mean;
  const share = after.finite / (before.finite + after.finite);
  return {
    mean: before.mean + difference * share,
    m2: before.m2 + after.m2 + difference * difference * before.finite * share,
  };
}
