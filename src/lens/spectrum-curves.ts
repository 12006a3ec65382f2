import type { Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { cumulativeEnergy } from './spectral-figures';
import type { Spectrum } from './spectra';

/** Points of a curve: every rank as far as this, then ranks in even steps of their logarithm. */
const MOST_POINTS = 256;

/**
 * Singular values and their cumulative energy over the rank, of the `count` tensors with the largest norm over all tasks;
 * one line per task.
 */
export function spectrumCurves(
  names: readonly string[],
  spectra: readonly Spectrum[],
  count: number,
): Series[] {
  const tensors = new Map<string, Spectrum[]>();
  for (const spectrum of spectra) {
    tensors.set(spectrum.tensor, [...(tensors.get(spectrum.tensor) ?? []), spectrum]);
  }
  const norm = (own: readonly Spectrum[]) => own.reduce((sum, each) => sum + each.norm ** 2, 0);
  const chosen = new Set(
    [...tensors]
      .filter(([, own]) => norm(own) > 0)
      .sort(([, a], [, b]) => norm(b) - norm(a))
      .slice(0, count)
      .map(([tensor]) => tensor),
  );
  // In network order, like everything else.
  const shown = [...tensors].filter(([tensor]) => chosen.has(tensor));
  return [
    ...shown.map(([tensor, own]) => curve(names, tensor, own, SIZES)),
    ...shown.map(([tensor, own]) => curve(names, tensor, own, ENERGIES)),
  ];
}

interface CurveKind {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly caption: string;
  readonly logarithmic: { readonly x?: boolean; readonly y?: boolean };
  valuesOf(spectrum: Spectrum): Float64Array;
}

const SIZES: CurveKind = {
  metric: 'singular_values',
  title: 'Singular values',
  unit: 'σ',
  caption: 'Singular values over their rank. A straight drop is an exponential spectrum, a cliff a low rank.',
  logarithmic: { y: true },
  valuesOf: ({ listed }) => listed,
};

const ENERGIES: CurveKind = {
  metric: 'cumulative_energy',
  title: 'Energy kept by the first ranks',
  unit: 'share',
  caption: 'Σ_{i≤k} σ² / Σσ²: what is kept of ‖·‖² when only the first k ranks are.',
  logarithmic: {},
  valuesOf: ({ listed, norm }) => cumulativeEnergy(listed, norm ** 2),
};

function curve(
  names: readonly string[],
  tensor: string,
  spectra: readonly Spectrum[],
  kind: CurveKind,
): Series {
  const changed = spectra.filter(({ norm }) => norm > 0);
  const ranks = ranksUpTo(Math.max(0, ...changed.map(({ listed }) => listed.length)));
  return {
    kind: 'series',
    id: `${kind.metric}:${tensor}`,
    title: `${kind.title} · ${tensor}`,
    facets: { metric: kind.metric, tensor },
    caption: `${kind.caption} One line per task; a task that left the tensor unchanged has none.`,
    x: { title: 'rank', values: ranks },
    lines: changed.map((spectrum) => {
      const values = kind.valuesOf(spectrum);
      const name = names[spectrum.of] ?? '';
      return { name, task: name, values: packNumbers(ranks.map((rank) => values[rank - 1] ?? null)) };
    }),
    unit: kind.unit,
    logarithmic: kind.logarithmic,
  };
}

/** 1 … last, thinned towards the end where that would be too many points; the last rank is always there. */
function ranksUpTo(last: number): number[] {
  if (last <= MOST_POINTS) return Array.from({ length: last }, (_, index) => index + 1);
  const ranks = new Set(
    Array.from({ length: MOST_POINTS }, (_, index) => Math.round(last ** (index / (MOST_POINTS - 1)))),
  );
  return [...ranks];
}
