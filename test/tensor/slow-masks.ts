// Counts over several tasks by their definitions, one entry after the other. τ is `null` where an entry is skipped.
import type { Magnitudes, MagnitudeValues, RowBands } from '../../src/tensor/magnitudes';
import type { MaskCounts, SignCounts } from '../../src/tensor/task-masks';
import { ExactSum, exactSum } from './oracle';

export type Taus = readonly (readonly (number | null)[])[];

/** τ of each task; an entry where base, task or τ is not finite is skipped. */
export function tausOf(base: readonly number[], tasks: readonly (readonly number[])[]): Taus {
  return tasks.map((task) =>
    task.map((value, i) => {
      const zero = base[i] as number;
      return [zero, value, value - zero].every(Number.isFinite) ? value - zero : null;
    }),
  );
}

/** The same where τ itself is known. */
export function knownTau(base: readonly number[], tau: readonly number[]): (number | null)[] {
  return tau.map((value, i) => ([value, base[i] as number].every(Number.isFinite) ? value : null));
}

function column(taus: Taus, i: number): number[] {
  return taus.map((tau) => tau[i] ?? 0);
}

function entries(taus: Taus): number[][] {
  return Array.from({ length: taus[0]?.length ?? 0 }, (_, i) => column(taus, i));
}

function countOf<T>(values: readonly T[], test: (value: T) => boolean): number {
  return values.filter(test).length;
}

function perTask(taus: Taus, figure: (t: number) => number): Float64Array {
  return Float64Array.from(taus, (_, t) => figure(t));
}

function perPair(taus: Taus, figure: (i: number, j: number) => number): Float64Array {
  const pairs = taus.flatMap((_, i) => taus.flatMap((__, j) => (i < j ? [figure(i, j)] : [])));
  return Float64Array.from(pairs);
}

function common(taus: Taus, count: number) {
  return {
    count,
    counted: Array.from({ length: count }, (_, i) => taus.some((tau) => tau[i] !== null)).filter(Boolean)
      .length,
    skipped: perTask(taus, (t) => countOf(taus[t] ?? [], (value) => value === null)),
    squares: perTask(taus, (t) => exactSum((taus[t] ?? []).map((value) => (value ?? 0) ** 2))),
  };
}

export function slowSigns(taus: Taus, count: number, epsilon: number): SignCounts {
  const all = entries(taus);
  const sums = all.map((values) => exactSum(values));
  const active = all.map((values) => countOf(values, (value) => Math.abs(value) > epsilon));
  const at = (values: readonly number[], t: number) => values[t] as number;
  return {
    kind: 'signs',
    ...common(taus, count),
    sumSquares: exactSum(sums.map((sum) => sum * sum)),
    changed: perTask(taus, (t) => countOf(all, (values) => at(values, t) !== 0)),
    opposed: perPair(taus, (i, j) =>
      countOf(all, (values) => Math.sign(at(values, i)) * Math.sign(at(values, j)) < 0),
    ),
    both: perPair(taus, (i, j) => countOf(all, (values) => at(values, i) !== 0 && at(values, j) !== 0)),
    opposedAny: countOf(all, (values) => values.some((x) => x > 0) && values.some((x) => x < 0)),
    electedPositive: countOf(sums, (sum) => sum > 0),
    electedNegative: countOf(sums, (sum) => sum < 0),
    agreeing: perTask(
      taus,
      (t) =>
        all.filter(
          (values, i) => at(values, t) !== 0 && Math.sign(at(values, t)) === Math.sign(sums[i] as number),
        ).length,
    ),
    unique: countOf(active, (number) => number === 1),
    shared: countOf(active, (number) => number > 1),
    uniqueOf: perTask(
      taus,
      (t) => all.filter((values, i) => active[i] === 1 && Math.abs(at(values, t)) > epsilon).length,
    ),
  };
}

export function slowMasks(
  taus: Taus,
  count: number,
  lambdas: readonly number[],
  grid: readonly number[],
): MaskCounts {
  const all = entries(taus);
  const sums = all.map((values) => values.reduce((sum, value) => sum + value, 0));
  const isOn = (i: number, t: number, lambda: number) => {
    const own = all[i]?.[t] as number;
    return Math.abs(own) > lambda * Math.abs((sums[i] as number) - own);
  };
  const on = (t: number, lambda: number) => countOf([...all.keys()], (i) => isOn(i, t, lambda));
  const error = (t: number, lambda: number) =>
    exactSum(
      all.map((values, i) => {
        const own = values[t] as number;
        return ((isOn(i, t, lambda) ? (sums[i] as number) : 0) - own) ** 2;
      }),
    );
  const lambdaOf = (t: number) => lambdas[t] as number;
  const known = [...all.keys()].filter((i) => taus.some((tau) => tau[i] !== null));
  const tasksOn = known.map((i) => countOf([...taus.keys()], (t) => isOn(i, t, lambdaOf(t))));
  const perValue = (figure: (t: number, lambda: number) => number) =>
    Float64Array.from(taus.flatMap((_, t) => grid.map((lambda) => figure(t, lambda))));
  return {
    kind: 'masks',
    ...common(taus, count),
    on: perTask(taus, (t) => on(t, lambdaOf(t))),
    onBoth: perPair(taus, (i, j) =>
      countOf([...all.keys()], (at) => isOn(at, i, lambdaOf(i)) && isOn(at, j, lambdaOf(j))),
    ),
    tasksOn: Float64Array.from({ length: taus.length + 1 }, (_, k) => countOf(tasksOn, (each) => each === k)),
    errors: perTask(taus, (t) => error(t, lambdaOf(t))),
    gridOn: perValue(on),
    gridErrors: perValue(error),
  };
}

/** The bin of a size by arithmetic: octave · 2^bits + place in the octave, counted from the least normal number. */
function slowBin(size: number, mantissaBits: number): number {
  if (size < 2 ** -1022) return Math.floor((size / 2 ** -1022) * 2 ** mantissaBits);
  let octave = Math.floor(Math.log2(size));
  if (2 ** octave > size) octave--;
  if (2 ** (octave + 1) <= size) octave++;
  return (octave + 1023) * 2 ** mantissaBits + Math.floor((size / 2 ** octave - 1) * 2 ** mantissaBits);
}

export function slowMagnitudes(tau: readonly number[], mantissaBits: number): Magnitudes {
  const sizes = tau.filter(Number.isFinite).map(Math.abs);
  const others = sizes.filter((size) => slowBin(size, mantissaBits) > 0);
  const zeros = sizes.length - others.length;
  const bins = others.map((size) => slowBin(size, mantissaBits));
  const first = bins.reduce((least, bin) => Math.min(least, bin), bins[0] ?? 1);
  const length = bins.length === 0 ? 0 : bins.reduce((most, bin) => Math.max(most, bin), first) - first + 1;
  const sums = Array.from({ length }, () => new ExactSum());
  const counts = new Float64Array(length);
  others.forEach((size, i) => {
    const k = (bins[i] as number) - first;
    counts[k] = (counts[k] as number) + 1;
    sums[k]?.add(size * size);
  });
  return {
    kind: 'magnitudes',
    mantissaBits,
    count: tau.length,
    skipped: tau.length - sizes.length,
    zeros,
    first,
    counts,
    energies: Float64Array.from(sums, (sum) => sum.total),
  };
}

export function slowValues(
  tau: readonly number[],
  mantissaBits: number,
  bins: readonly number[],
): MagnitudeValues {
  const sizes = tau.filter(Number.isFinite).map(Math.abs);
  const wanted = sizes.filter((size) => bins.includes(slowBin(size, mantissaBits)));
  const values = [...new Set(wanted)].sort((x, y) => x - y);
  if (values.length === 0) return { kind: 'magnitudeValues', runs: [] };
  const counts = values.map((value) => countOf(wanted, (each) => each === value));
  return {
    kind: 'magnitudeValues',
    runs: [{ values: Float64Array.from(values), counts: Float64Array.from(counts) }],
  };
}

/** Two cuts over a list of sizes: how many stay, and their Στ². */
export function slowBand(
  tau: readonly number[],
  keep: number,
  drop: number,
): { kept: number; energy: number; dropped: number } {
  const sizes = tau
    .filter(Number.isFinite)
    .map(Math.abs)
    .sort((x, y) => y - x);
  const dropped = Math.floor(drop * sizes.length + 1e-9);
  const kept = sizes.slice(dropped, dropped + Math.floor(keep * sizes.length + 1e-9));
  const squares = (list: readonly number[]) => exactSum(list.map((size) => size * size));
  return { kept: kept.length, energy: squares(kept), dropped: squares(sizes.slice(0, dropped)) };
}

export function slowRowBands(
  tau: readonly number[],
  rowLength: number,
  keep: number,
  drop: number,
): RowBands {
  const rows = Array.from({ length: tau.length / rowLength }, (_, row) =>
    slowBand(tau.slice(row * rowLength, (row + 1) * rowLength), keep, drop),
  );
  return {
    kind: 'rowBands',
    kept: rows.reduce((sum, row) => sum + row.kept, 0),
    energy: exactSum(rows.map((row) => row.energy)),
    dropped: exactSum(rows.map((row) => row.dropped)),
    sketch: slowMagnitudes(tau, 3),
  };
}
