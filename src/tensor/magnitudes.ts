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
 * `mantissaBits` of the mantissa), so that they are exact to compare and to merge. Bin 0 holds 0.
 */
export interface Magnitudes {
  readonly kind: 'magnitudes';
  readonly mantissaBits: number;
  readonly count: number;
  /** Entries whose τ is not finite; they are in no bin. */
  readonly skipped: number;
  /** The bin that the arrays begin with. */
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
  /** Entries kept, and their Στ². */
  readonly kept: number;
  readonly energy: number;
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
  const first = sketch.first >>> shift;
  const length =
    sketch.counts.length === 0 ? 0 : ((sketch.first + sketch.counts.length - 1) >>> shift) - first + 1;
  const counts = new Float64Array(length);
  const energies = new Float64Array(length);
  for (let k = 0; k < sketch.counts.length; k++) {
    const at = ((sketch.first + k) >>> shift) - first;
    counts[at] = (counts[at] as number) + (sketch.counts[k] as number);
    energies[at] = (energies[at] as number) + (sketch.energies[k] as number);
  }
  return { ...sketch, mantissaBits, first, counts, energies };
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
    first: filled.length === 0 ? 0 : first,
    counts,
    energies,
  };
}

/** Where the `rank` largest entries of a sketch end. */
export interface RankPlace {
  /** Entries in higher bins, and their Στ². */
  readonly above: number;
  readonly energyAbove: number;
  /** The bin in which the rank ends, and how many of its largest entries belong to the rank: 0 where it ends at the bin's edge. */
  readonly bin: number;
  readonly inside: number;
}

/** Finds where the `rank` largest entries end; all entries where there are fewer. */
export function placeOfRank(sketch: Magnitudes, rank: number): RankPlace {
  let above = 0;
  let energyAbove = 0;
  for (let k = sketch.counts.length - 1; k >= 0; k--) {
    const count = sketch.counts[k] as number;
    if (above + count > rank) return { above, energyAbove, bin: sketch.first + k, inside: rank - above };
    above += count;
    energyAbove += sketch.energies[k] as number;
  }
  return { above, energyAbove, bin: sketch.first, inside: 0 };
}

/** Στ² of the `inside` largest of the values in a bin. */
export function energyInside(
  { runs }: MagnitudeValues,
  mantissaBits: number,
  { bin, inside }: RankPlace,
): number {
  const low = binEdge(bin, mantissaBits);
  const high = binEdge(bin + 1, mantissaBits);
  const { values, counts } = runs.reduce(mergeRuns, EMPTY_RUN);
  let left = inside;
  let energy = 0;
  for (let k = values.length - 1; k >= 0 && left > 0; k--) {
    const value = values[k] as number;
    if (value < low || value >= high) continue;
    const taken = Math.min(left, counts[k] as number);
    energy += taken * value * value;
    left -= taken;
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
