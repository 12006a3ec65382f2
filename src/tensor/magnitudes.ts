import type { GroupTask } from './pass';
import type { TensorSpan } from './span';

/** What is asked of one task's τ in one tensor. A low-rank τ does not depend on the base, which is not read then. */
interface DeltaOfTensor {
  readonly base: TensorSpan;
  readonly task: GroupTask;
}

/** Asks for {@link Magnitudes} with 2^`mantissaBits` bins an octave; 0 to 10. */
export interface MagnitudesItem extends DeltaOfTensor {
  readonly kind: 'magnitudes';
  readonly mantissaBits: number;
}

/** Asks for the {@link MagnitudeValues} in some bins of a sketch with as many mantissa bits. */
export interface MagnitudeValuesItem extends DeltaOfTensor {
  readonly kind: 'magnitudeValues';
  readonly mantissaBits: number;
  readonly bins: readonly number[];
}

/** Asks for {@link RowBands}: of each row of `rowLength` entries the largest `drop` is left out, the next `keep` stays. */
export interface RowBandsItem extends DeltaOfTensor {
  readonly kind: 'rowBands';
  readonly rowLength: number;
  readonly keep: number;
  readonly drop: number;
}

/**
 * How sizes |τ| are distributed: a quantile sketch whose bins are the numbers with the same leading bits (exponent and
 * `mantissaBits` of the mantissa), so that they are exact to compare and to merge. Bin 0 would hold 0, and is a number of
 * its own: the arrays would reach from there to the sizes of everything else.
 */
export interface Magnitudes {
  readonly kind: 'magnitudes';
  readonly mantissaBits: number;
  readonly count: number;
  /** Entries whose τ is not finite; they are in no bin. */
  readonly skipped: number;
  /** Entries in bin 0: of 0, or so near that their squares are 0. */
  readonly zeros: number;
  /** The bin that the arrays begin with; at least 1. */
  readonly first: number;
  readonly counts: Float64Array;
  /** Στ² of each bin. */
  readonly energies: Float64Array;
}

/** The distinct sizes |τ| in the bins asked for, as runs that are ascending each, and how often each occurs. */
export interface MagnitudeValues {
  readonly kind: 'magnitudeValues';
  readonly runs: readonly ValueRun[];
}

export interface ValueRun {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** What two cuts in every row keep. */
export interface RowBands {
  readonly kind: 'rowBands';
  /** Entries kept, their Στ², and that of the larger entries left out. */
  readonly kept: number;
  readonly energy: number;
  readonly dropped: number;
  /** A coarse sketch of all entries. */
  readonly sketch: Magnitudes;
}

/** Bits of a double's exponent and of its mantissa in the upper of its two 32-bit words. */
const EXPONENT_BITS = 11;
const UPPER_MANTISSA = 20;

/** Number of bins for so many mantissa bits. */
export function binCount(mantissaBits: number): number {
  return 2 ** (EXPONENT_BITS + mantissaBits);
}

/** How far the upper word of |x| is shifted to the right to give its bin. */
export function binShift(mantissaBits: number): number {
  return UPPER_MANTISSA - mantissaBits;
}

/** The least number of a bin. */
export function binEdge(bin: number, mantissaBits: number): number {
  const words = new Uint32Array([0, bin * 2 ** binShift(mantissaBits)]);
  return new Float64Array(words.buffer)[0] ?? 0;
}

/** The same sketch with fewer mantissa bits. */
export function coarsen(sketch: Magnitudes, mantissaBits: number): Magnitudes {
  const shift = sketch.mantissaBits - mantissaBits;
  if (shift <= 0) return sketch;
  const binOf = (k: number) => (sketch.first + k) >>> shift;
  const lowest = sketch.counts.findIndex((count, k) => count > 0 && binOf(k) > 0);
  const first = lowest < 0 ? 1 : binOf(lowest);
  const length = lowest < 0 ? 0 : binOf(sketch.counts.length - 1) - first + 1;
  const counts = new Float64Array(length);
  const energies = new Float64Array(length);
  let { zeros } = sketch;
  for (let k = 0; k < sketch.counts.length; k++) {
    const at = binOf(k) - first;
    if (at < 0 || length === 0) {
      zeros += sketch.counts[k] as number;
      continue;
    }
    counts[at] = (counts[at] as number) + (sketch.counts[k] as number);
    energies[at] = (energies[at] as number) + (sketch.energies[k] as number);
  }
  return { ...sketch, mantissaBits, zeros, first, counts, energies };
}

/** Two sketches with equally many mantissa bits as one. */
export function mergeMagnitudes(before: Magnitudes, after: Magnitudes): Magnitudes {
  const filled = [before, after].filter(({ counts }) => counts.length > 0);
  const first = Math.min(...filled.map((each) => each.first));
  const end = Math.max(...filled.map((each) => each.first + each.counts.length));
  const length = filled.length === 0 ? 0 : end - first;
  const counts = new Float64Array(length);
  const energies = new Float64Array(length);
  for (const each of filled) {
    for (let k = 0, at = each.first - first; k < each.counts.length; k++, at++) {
      counts[at] = (counts[at] as number) + (each.counts[k] as number);
      energies[at] = (energies[at] as number) + (each.energies[k] as number);
    }
  }
  return {
    kind: 'magnitudes',
    mantissaBits: before.mantissaBits,
    count: before.count + after.count,
    skipped: before.skipped + after.skipped,
    zeros: before.zeros + after.zeros,
    first: filled.length === 0 ? 1 : first,
    counts,
    energies,
  };
}

/** Where a number of largest entries ends in a sketch. */
interface RankPlace {
  readonly bin: number;
  /** How many of the bin's largest entries are among them: 0 where they end at its upper edge. */
  readonly inside: number;
}

/** What is known of a band of ranks from a sketch alone, and which bins have to be looked into. */
export interface BandPlan {
  readonly mantissaBits: number;
  readonly start: RankPlace;
  readonly end: RankPlace;
  /** Στ² of the bins wholly inside the band, and of those wholly above it. */
  readonly inside: number;
  readonly above: number;
  /** Bins whose values are needed; none where both cuts fall between bins. */
  readonly bins: readonly number[];
}

/** Energy of a band of ranks, and of the entries above it. */
export interface BandEnergy {
  readonly kept: number;
  readonly dropped: number;
}

/** Finds the band that is left of a sketch when the `dropped` largest entries are left out and the next `kept` stay. */
export function planBand(sketch: Magnitudes, dropped: number, kept: number): BandPlan {
  const start = placeOfRank(sketch, dropped);
  const end = placeOfRank(sketch, dropped + kept);
  let inside = 0;
  let above = 0;
  for (let k = 0; k < sketch.energies.length; k++) {
    const bin = sketch.first + k;
    const energy = sketch.energies[k] as number;
    if (bin > start.bin) above += energy;
    // The bin of the first cut is whole where the cut falls on its upper edge.
    else if (bin > end.bin && (bin < start.bin || start.inside === 0)) inside += energy;
  }
  const cut = [start, end].filter((place) => place.inside > 0).map(({ bin }) => bin);
  return { mantissaBits: sketch.mantissaBits, start, end, inside, above, bins: [...new Set(cut)] };
}

/** The energies of a band, given the values of the bins that its plan asks for. Ties are equal, so their order is no matter. */
export function bandEnergy(plan: BandPlan, { runs }: Pick<MagnitudeValues, 'runs'>): BandEnergy {
  const { start, end, mantissaBits } = plan;
  const run = runs.reduce(mergeRuns, EMPTY_RUN);
  const ranks = (bin: number, from: number, to: number) => energyOfRanks(run, bin, mantissaBits, from, to);
  const dropped = plan.above + ranks(start.bin, 0, start.inside);
  if (start.bin === end.bin)
    return { kept: plan.inside + ranks(start.bin, start.inside, end.inside), dropped };
  const rest = start.inside === 0 ? 0 : ranks(start.bin, start.inside, Infinity);
  return { kept: plan.inside + rest + ranks(end.bin, 0, end.inside), dropped };
}

function placeOfRank(sketch: Magnitudes, rank: number): RankPlace {
  let above = 0;
  for (let k = sketch.counts.length - 1; k >= 0; k--) {
    const count = sketch.counts[k] as number;
    if (above + count > rank) return { bin: sketch.first + k, inside: rank - above };
    above += count;
  }
  return { bin: sketch.first - 1, inside: 0 };
}

/** Στ² of the entries of a bin from the `from`-th largest up to before the `to`-th. */
function energyOfRanks(
  { values, counts }: ValueRun,
  bin: number,
  mantissaBits: number,
  from: number,
  to: number,
): number {
  if (to <= from) return 0;
  const low = binEdge(bin, mantissaBits);
  const high = binEdge(bin + 1, mantissaBits);
  let rank = 0;
  let energy = 0;
  for (let k = values.length - 1; k >= 0 && rank < to; k--) {
    const value = values[k] as number;
    if (value < low || value >= high) continue;
    const next = rank + (counts[k] as number);
    const taken = Math.min(next, to) - Math.max(rank, from);
    if (taken > 0) energy += taken * value * value;
    rank = next;
  }
  return energy;
}

const EMPTY_RUN: ValueRun = { values: new Float64Array(0), counts: new Float64Array(0) };

/** Two ascending runs as one. */
export function mergeRuns(x: ValueRun, y: ValueRun): ValueRun {
  if (x.values.length === 0) return y;
  if (y.values.length === 0) return x;
  const values = new Float64Array(x.values.length + y.values.length);
  const counts = new Float64Array(values.length);
  let i = 0;
  let j = 0;
  let end = 0;
  while (i < x.values.length || j < y.values.length) {
    const a = i < x.values.length ? (x.values[i] as number) : Infinity;
    const b = j < y.values.length ? (y.values[j] as number) : Infinity;
    values[end] = Math.min(a, b);
    counts[end++] = (a <= b ? (x.counts[i] as number) : 0) + (b <= a ? (y.counts[j] as number) : 0);
    if (a <= b) i++;
    if (b <= a) j++;
  }
  return { values: values.slice(0, end), counts: counts.slice(0, end) };
}

/**
 * Entries to leave out and to keep of `n`: floor(share · n), with a slack of 1e-9 so that 0.15 · 100 is 15. Together
 * never more than there are.
 */
export function bandOf(n: number, keep: number, drop: number): { dropped: number; kept: number } {
  const dropped = Math.min(n, Math.floor(drop * n + 1e-9));
  return { dropped, kept: Math.min(n - dropped, Math.floor(keep * n + 1e-9)) };
}
