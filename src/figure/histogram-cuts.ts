import type { Histogram, HistogramCuts } from '../protocol/artifact';

/** What two cuts over a histogram of sizes keep, read off its bins. */
export interface CutShares {
  /** Share of all values above the upper cut. */
  readonly drop: number;
  /** Share of all values between the cuts. */
  readonly keep: number;
  /** Share of Σx² between the cuts. */
  readonly energy: number;
}

/** Where two cuts stand, as values on the axis; `lower` may be 0. */
export interface CutPlaces {
  readonly lower: number;
  readonly upper: number;
}

/** Reads off the bins what lies between two cuts; inside a bin values count as spread evenly. */
export function sharesOfCuts(histogram: Histogram, cuts: HistogramCuts, places: CutPlaces): CutShares {
  const values = aboveOf(histogram, histogram.counts);
  const energies = aboveOf(histogram, cuts.energies);
  const share = (above: (value: number) => number, total: number, from: number, to: number) =>
    total > 0 ? Math.max(0, above(from) - above(to)) / total : 0;
  const all = values(-Infinity);
  return {
    drop: all > 0 ? values(places.upper) / all : 0,
    keep: share(values, all, places.lower, places.upper),
    energy: share(energies, energies(-Infinity), places.lower, places.upper),
  };
}

/** Where cuts stand that leave out the largest `drop` of all values and keep the next `keep`. */
export function placesOfCuts(
  histogram: Histogram,
  { keep, drop }: Pick<HistogramCuts, 'keep' | 'drop'>,
): CutPlaces {
  return { upper: valueWithAbove(histogram, drop), lower: valueWithAbove(histogram, drop + keep) };
}

/** Σ of the bins above a value. */
function aboveOf({ edges }: Histogram, bins: readonly number[]): (value: number) => number {
  return (value) =>
    bins.reduce((sum, amount, bin) => {
      const [low = 0, high = 0] = [edges[bin], edges[bin + 1]];
      if (value <= low) return sum + amount;
      return value >= high ? sum : sum + (amount * (high - value)) / (high - low);
    }, 0);
}

function valueWithAbove({ edges, counts }: Histogram, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let above = 0;
  for (let bin = counts.length - 1; bin >= 0; bin--) {
    const count = counts[bin] ?? 0;
    const [low = 0, high = 0] = [edges[bin], edges[bin + 1]];
    const wanted = share * total - above;
    if (count > 0 && wanted <= count) return high - ((high - low) * Math.max(0, wanted)) / count;
    above += count;
  }
  return edges[0] ?? 0;
}
