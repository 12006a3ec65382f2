import type { Matrix } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import type { Spectrum } from './spectra';
import { DEAD_SHARE } from './spectral-figures';
import { MATRICES_CAPTION } from './study-matrices';

interface SpectrumMetric {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** How a cell joins several matrices, and what to know about the figure. */
  readonly cell: string;
  readonly joined: 'mean' | 'sum';
  readonly share?: boolean;
  of(spectrum: Spectrum): number | null;
}

/** The figures of a heatmap in the order in which a view offers them. */
const METRICS: readonly SpectrumMetric[] = [
  {
    name: 'effective_rank',
    title: 'Effective rank',
    unit: 'exp H(σ/Σσ)',
    cell: 'A cell is the mean over its matrices.',
    joined: 'mean',
    of: ({ effective_rank }) => effective_rank,
  },
  {
    name: 'effective_share',
    title: 'Share of the ranks in use',
    unit: 'share',
    cell: 'Effective rank over the rank that an adapter allots, or over that of a full matrix; a cell is the mean over its matrices.',
    joined: 'mean',
    share: true,
    of: ({ effective_rank, nominalRank, values }) =>
      effective_rank && effective_rank / (nominalRank ?? values),
  },
  {
    name: 'stable_rank',
    title: 'Stable rank',
    unit: '‖·‖_F² / σ₁²',
    cell: 'A cell is the mean over its matrices.',
    joined: 'mean',
    of: ({ stable_rank }) => stable_rank,
  },
  {
    name: 'rank95',
    title: 'Rank for 95 % of the energy',
    unit: 'rank',
    cell: 'A cell is the mean over its matrices.',
    joined: 'mean',
    of: ({ rank95 }) => rank95,
  },
  {
    name: 'top_share',
    title: 'Energy of the first rank',
    unit: 'share',
    cell: 'σ₁²/Σσ²; a cell is the mean over its matrices.',
    joined: 'mean',
    share: true,
    of: ({ top_share }) => top_share,
  },
  {
    name: 'dead_ranks',
    title: 'Dead ranks',
    unit: 'ranks',
    cell: `Of the ranks that an adapter allots, those with σ ≤ ${String(DEAD_SHARE)} σ₁; a cell is the sum over its matrices.`,
    joined: 'sum',
    of: ({ deadRanks }) => deadRanks,
  },
  {
    name: 'alpha',
    title: 'Power-law exponent of the tail',
    unit: 'α',
    cell: 'Of the eigenvalues σ², by maximum likelihood over a tail of at least 50 values; undefined where there are fewer. A cell is the mean over its matrices.',
    joined: 'mean',
    of: ({ powerLaw }) => powerLaw?.alpha ?? null,
  },
  {
    name: 'above_edge',
    title: 'Singular values above the noise',
    unit: 'values',
    cell: 'proxy: the Marchenko–Pastur edge takes the noise level from the median singular value (Gavish, Donoho 2014), since it is not known. Undefined below 50 values. A cell is the sum over its matrices.',
    joined: 'sum',
    of: ({ noise }) => noise?.above ?? null,
  },
];

/** Layer × module heatmaps, one per figure and checkpoint; a figure that nothing has is left out. */
export function spectrumHeatmaps(names: readonly string[], spectra: readonly Spectrum[]): Matrix[] {
  const axes = networkAxes(spectra.map(({ place }) => place));
  const size = axes.rows.length * axes.columns.length;
  return METRICS.flatMap((metric) => {
    const values = names.map(() => cellsOf(size));
    for (const spectrum of spectra) {
      const value = metric.of(spectrum);
      const cell = values[spectrum.of]?.[axes.cellOf(spectrum.place)];
      if (value === null || !cell) continue;
      cell.sum += value;
      cell.count++;
    }
    const joined = values.map((cells) =>
      cells.map(({ sum, count }) => (count === 0 ? null : metric.joined === 'sum' ? sum : sum / count)),
    );
    const domain = metric.share ? fromZero(joined.flat()) && ([0, 1] as const) : fromZero(joined.flat());
    if (domain === null) return [];
    return names.map((task, index) =>
      networkMatrix(axes, joined[index] ?? [], {
        id: `${metric.name}:${task}`,
        title: `${metric.title} · ${task}`,
        facets: { metric: metric.name, task },
        caption: `${metric.cell} ${MATRICES_CAPTION} ${AXES_CAPTION}`,
        unit: metric.unit,
        scale: 'sequential',
        domain,
      }),
    );
  });
}

function cellsOf(size: number): { sum: number; count: number }[] {
  return Array.from({ length: size }, () => ({ sum: 0, count: 0 }));
}

/** More ranks or rows than this are better read off the curves. */
const MOST_RANKS = 256;
const MOST_ROWS = 2000;

/** The energy of each rank of an adapter: tensor × rank, one heatmap per adapter. */
export function rankEnergyHeatmaps(names: readonly string[], spectra: readonly Spectrum[]): Matrix[] {
  return names.flatMap((task, of) => {
    const own = spectra.filter((each) => each.of === of && each.nominalRank !== null && each.norm > 0);
    const ranks = Math.max(0, ...own.map(({ nominalRank }) => nominalRank ?? 0));
    if (own.length === 0 || own.length > MOST_ROWS || ranks > MOST_RANKS) return [];
    const values = own.flatMap(({ listed, norm }) =>
      Array.from({ length: ranks }, (_, rank) => {
        const value = listed[rank];
        return value === undefined ? null : (value / norm) ** 2;
      }),
    );
    return [
      {
        kind: 'matrix' as const,
        id: `energy_by_rank:${task}`,
        title: `Energy of each rank · ${task}`,
        facets: { metric: 'energy_by_rank', task },
        caption:
          'σ_k²/Σσ² of the adapter’s product, ranks from the largest singular value down. Undefined beyond the rank that a tensor has.',
        rows: own.map(({ tensor, place }) => ({
          label: tensor,
          tensor,
          layer: place.row,
          module: place.module,
        })),
        columns: Array.from({ length: ranks }, (_, rank) => ({ label: String(rank + 1) })),
        rowTitle: 'tensor',
        columnTitle: 'rank',
        values: packNumbers(values),
        unit: 'share',
        scale: 'sequential' as const,
        domain: [0, 1] as const,
      },
    ];
  });
}
