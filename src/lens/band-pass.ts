import type { TensorEntry } from '../format/checkpoint';
import { placeOf } from '../model/naming';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import { success, type Result } from '../protocol/result';
import {
  bandEnergy,
  bandOf,
  coarsen,
  mergeMagnitudes,
  planBand,
  type BandPlan,
  type Magnitudes,
} from '../tensor/magnitudes';
import type { GroupTask, PassItem, PassOutcome } from '../tensor/pass';
import { streamGroups, type TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { partOf } from './progress-part';

/** Where the two cuts are. */
export interface BandCuts {
  readonly keep: number;
  readonly drop: number;
  readonly byRow: boolean;
}

/** What a band holds, over one or more tensors. */
export interface BandSums {
  /** Finite entries, and those kept. */
  readonly entries: number;
  readonly kept: number;
  /** Στ² of all, of the kept ones, and of the larger ones left out. */
  readonly squares: number;
  readonly keptSquares: number;
  readonly droppedSquares: number;
}

/** One tensor of one task. */
export interface BandTensor {
  readonly base: TensorEntry;
  readonly place: Place;
  readonly sums: BandSums;
}

export interface Bands {
  /** Per task, tensors in network order. */
  readonly byTask: readonly (readonly BandTensor[])[];
  /** Per task, all of its tensors in one sketch of {@link SHOWN_BITS}. */
  readonly sketches: readonly Magnitudes[];
  /** Entries left out of each group. */
  readonly skipped: readonly number[];
  readonly bytesRead: number;
}

/** Mantissa bits of the histograms: eight bins an octave. */
export const SHOWN_BITS = 3;

/**
 * The bands of every group (of one task each). Rows are cut in memory. A whole tensor is read twice: first for a sketch
 * by leading bits, then, where a cut falls inside a bin, for the values in that bin: exact, without holding the tensor.
 * Fails as reading does, or with `cancelled`.
 */
export async function readBands(
  study: Study,
  groups: readonly TensorGroup[],
  cuts: BandCuts,
  context: LensContext,
): Promise<Result<Bands>> {
  const found = new Map<TensorGroup, BandSums>();
  const plans = new Map<TensorGroup, OpenBand>();
  const sketches = study.tasks.map(() => NO_SKETCH);
  const skipped: number[] = [];
  const whole = groups.some((group) => !isCutInRows(group, cuts));
  const first = await streamGroups(groups, partOf(context, 0, whole ? 0.5 : 1), {
    itemOf: (group, tasks) => firstItem(group, tasks, cuts),
    outcomeBytes: ({ base }) => OCTAVES * 2 ** bitsFor(base.span.count) * BYTES_PER_BIN,
    factorsAlone: true,
    take: (outcome, group) => {
      const sketch = sketchOf(outcome);
      const task = group.members[0]?.task ?? 0;
      if (!sketch) return;
      sketches[task] = mergeMagnitudes(sketches[task] ?? NO_SKETCH, coarsen(sketch, SHOWN_BITS));
      skipped.push(sketch.skipped);
      const entries = sketch.count - sketch.skipped;
      const squares = sketch.energies.reduce((sum, energy) => sum + energy, 0);
      if (outcome.kind === 'rowBands') {
        const { kept, energy, dropped } = outcome;
        found.set(group, { entries, kept, squares, keptSquares: energy, droppedSquares: dropped });
        return;
      }
      const band = bandOf(entries, cuts.keep, cuts.drop);
      const plan = planBand(sketch, band.dropped, band.kept);
      const known = { entries, kept: band.kept, squares };
      if (plan.bins.length > 0) plans.set(group, { known, plan, values: valuesIn(sketch, plan.bins) });
      else found.set(group, closed(known, plan, []));
    },
  });
  if (!first.ok) return first;
  const open = [...plans.keys()];
  const second = await streamGroups(open, partOf(context, whole ? 0.5 : 1, 1), {
    itemOf: (group, tasks) => secondItem(group, tasks, plans.get(group)),
    outcomeBytes: (group) => 2 * BYTES_PER_BIN * (plans.get(group)?.values ?? 0),
    factorsAlone: true,
    take: (outcome, group) => {
      const band = plans.get(group);
      if (outcome.kind !== 'magnitudeValues' || !band) return;
      found.set(group, closed(band.known, band.plan, outcome.runs));
    },
  });
  if (!second.ok) return second;
  const byTask = study.tasks.map((_, task) =>
    groups.flatMap((group): BandTensor[] => {
      const sums = found.get(group);
      if (!sums || group.members[0]?.task !== task) return [];
      return [{ base: group.base, place: placeOf(group.base.name), sums }];
    }),
  );
  return success({ byTask, sketches, skipped, bytesRead: first.value + second.value });
}

/** A band of which a bin has still to be looked into. */
interface OpenBand {
  readonly known: Pick<BandSums, 'entries' | 'kept' | 'squares'>;
  readonly plan: BandPlan;
  /** Entries in the bins to look into. */
  readonly values: number;
}

const NO_SKETCH: Magnitudes = {
  kind: 'magnitudes',
  mantissaBits: SHOWN_BITS,
  count: 0,
  skipped: 0,
  zeros: 0,
  first: 1,
  counts: new Float64Array(0),
  energies: new Float64Array(0),
};

/** Octaves that sizes usually span, and bytes of a bin: what a sketch takes on its way. */
const OCTAVES = 40;
const BYTES_PER_BIN = 16;

/** Mantissa bits of the first sketch: so many that about 2^17 values are in the bins looked into, within reason. */
function bitsFor(count: number): number {
  return Math.max(5, Math.min(10, Math.ceil(Math.log2(Math.max(1, count))) - 17));
}

function isCutInRows({ base }: TensorGroup, { byRow }: BandCuts): boolean {
  return byRow && base.span.shape.length > 1 && base.span.count > 0;
}

function firstItem(group: TensorGroup, tasks: readonly GroupTask[], cuts: BandCuts): PassItem {
  const { base } = group;
  const task = only(tasks);
  if (!isCutInRows(group, cuts)) {
    return { kind: 'magnitudes', base: base.span, task, mantissaBits: bitsFor(base.span.count) };
  }
  const rowLength = base.span.shape.at(-1) ?? base.span.count;
  return { kind: 'rowBands', base: base.span, task, rowLength, keep: cuts.keep, drop: cuts.drop };
}

function secondItem(
  { base }: TensorGroup,
  tasks: readonly GroupTask[],
  band: OpenBand | undefined,
): PassItem {
  const bins = band?.plan.bins ?? [];
  return {
    kind: 'magnitudeValues',
    base: base.span,
    task: only(tasks),
    mantissaBits: bitsFor(base.span.count),
    bins,
  };
}

function only(tasks: readonly GroupTask[]): GroupTask {
  const [task] = tasks;
  if (!task) throw new RangeError('a group of one task has one');
  return task;
}

function sketchOf(outcome: PassOutcome): Magnitudes | null {
  if (outcome.kind === 'magnitudes') return outcome;
  return outcome.kind === 'rowBands' ? outcome.sketch : null;
}

function valuesIn(sketch: Magnitudes, bins: readonly number[]): number {
  return bins.reduce((sum, bin) => sum + (sketch.counts[bin - sketch.first] ?? 0), 0);
}

function closed(
  known: OpenBand['known'],
  plan: BandPlan,
  runs: Parameters<typeof bandEnergy>[1]['runs'],
): BandSums {
  const { kept, dropped } = bandEnergy(plan, { runs });
  return { ...known, keptSquares: kept, droppedSquares: dropped };
}

export const NO_BAND: BandSums = { entries: 0, kept: 0, squares: 0, keptSquares: 0, droppedSquares: 0 };

/** Several tensors, each with its own cuts. */
export function addBands(a: BandSums, b: BandSums): BandSums {
  return {
    entries: a.entries + b.entries,
    kept: a.kept + b.kept,
    squares: a.squares + b.squares,
    keptSquares: a.keptSquares + b.keptSquares,
    droppedSquares: a.droppedSquares + b.droppedSquares,
  };
}

/** Figures of a band; `null` is undefined (0/0). */
export interface BandFigures {
  readonly density: number | null;
  readonly energy: number | null;
  readonly outliers: number | null;
}

/** Density, and the shares of Στ² between the cuts and above them. */
export function bandFigures({ entries, kept, squares, keptSquares, droppedSquares }: BandSums): BandFigures {
  return {
    density: share(kept, entries),
    energy: share(keptSquares, squares),
    outliers: share(droppedSquares, squares),
  };
}

function share(part: number, whole: number): number | null {
  const value = part / whole;
  return Number.isFinite(value) ? value : null;
}
