/** Where the singular values of pure noise would end, and how many of a matrix's are beyond. */
export interface NoiseEdge {
  /** Largest singular value of a matrix of independent entries with that noise level: s(√m + √n). */
  readonly edge: number;
  /** Standard deviation s of the noise, estimated. */
  readonly noise: number;
  /** Singular values above the edge. */
  readonly above: number;
}

/** With fewer singular values the asymptotic law and the median of so few say little. */
export const LEAST_VALUES = 50;

/**
 * The Marchenko–Pastur edge s(√m + √n) of an m × n matrix (Marchenko, Pastur 1967). The noise level s is not known: it is
 * estimated from the median singular value, s = σ_med / √(n μ_β) with n the longer side and μ_β the median of the law for
 * β = m/n (Gavish, Donoho 2014), which outliers do not move. `null` with fewer than {@link LEAST_VALUES}
 * values, or where half of them are 0 (a product of factors has no bulk of noise). `singular` descends.
 */
export function noiseEdge(singular: Float64Array, rows: number, columns: number): NoiseEdge | null {
  const count = singular.length;
  if (count < LEAST_VALUES || count < Math.min(rows, columns)) return null;
  const median = ((singular[(count - 1) >> 1] ?? 0) + (singular[count >> 1] ?? 0)) / 2;
  if (!(median > (singular[0] ?? 0) * count * 2 ** -52)) return null;
  const long = Math.max(rows, columns);
  const noise = median / Math.sqrt(long * medianOfLaw(Math.min(rows, columns) / long));
  const edge = noise * (Math.sqrt(rows) + Math.sqrt(columns));
  let above = 0;
  for (const value of singular) if (value > edge) above++;
  return { edge, noise, above };
}

const STEPS = 20_000;
const medians = new Map<number, number>();

/** Median of the Marchenko–Pastur distribution of ratio β, 0 < β ≤ 1, to about eight digits. */
export function medianOfLaw(ratio: number): number {
  const known = medians.get(ratio);
  if (known !== undefined) return known;
  // λ = 1 + β − 2√β cos φ turns the density into 2 sin²φ / (π λ), smooth in φ over [0, π].
  const root = Math.sqrt(ratio);
  const width = Math.PI / STEPS;
  const masses = Float64Array.from({ length: STEPS }, (_, step) => {
    const angle = (step + 0.5) * width;
    return (Math.sin(angle) ** 2 * width) / (1 + ratio - 2 * root * Math.cos(angle));
  });
  const half = masses.reduce((total, mass) => total + mass, 0) / 2;
  let step = 0;
  let before = 0;
  while (before + (masses[step] ?? half) < half) before += masses[step++] ?? half;
  const angle = (step + (half - before) / (masses[step] ?? 1)) * width;
  const median = 1 + ratio - 2 * root * Math.cos(angle);
  if (medians.size > 1000) medians.clear();
  medians.set(ratio, median);
  return median;
}
