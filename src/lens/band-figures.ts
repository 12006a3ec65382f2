import type { Study } from '../model/study';
import type { Histogram, Matrix } from '../protocol/artifact';
import { binEdge, type Magnitudes } from '../tensor/magnitudes';
import {
  addBands,
  bandFigures,
  SHOWN_BITS,
  type BandCuts,
  type BandFigures,
  type BandSums,
  type BandTensor,
} from './band-pass';
import { BAND_COVERAGE, cutsText } from './band-tables';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';

/** Octaves below the largest size that have bins of their own; smaller sizes share the first bin with 0. */
const OCTAVES_SHOWN = 20;

/** |τ| of every task in bins of an eighth of an octave, with the two cuts. A task without a finite entry has none. */
export function magnitudeHistograms(
  study: Study,
  sketches: readonly Magnitudes[],
  { keep, drop }: BandCuts,
): Histogram[] {
  return study.tasks.flatMap(({ name }, task): Histogram[] => {
    const sketch = sketches[task];
    if (!sketch || sketch.counts.length === 0) return [];
    const { edges, counts, energies } = shownBins(sketch);
    return [
      {
        kind: 'histogram',
        id: `magnitudes:${name}`,
        title: `Sizes of changes · ${name}`,
        facets: { task: name },
        caption: `|τ| over all tensors of the task, the first bin with 0 and what is too small to tell from it. While a cut moves, figures are of all tensors taken together; the exact ones cut in each tensor or row. ${BAND_COVERAGE}`,
        edges,
        counts,
        unit: '|τ|',
        logarithmic: true,
        cuts: { keepParameter: 'keep', dropParameter: 'drop', keep, drop, energies },
      },
    ];
  });
}

function shownBins({ zeros, first, counts, energies }: Magnitudes): {
  edges: number[];
  counts: number[];
  energies: number[];
} {
  const end = first + counts.length;
  // Edges of a logarithmic axis are positive, so the bin of 0 cannot have one of its own.
  const lowest = Math.max(1, first, end - OCTAVES_SHOWN * 2 ** SHOWN_BITS);
  const cut = Math.max(0, lowest - first);
  const below = (values: Float64Array) => values.subarray(0, cut).reduce((sum, value) => sum + value, 0);
  const shown = Array.from({ length: Math.max(0, end - lowest) + 1 }, (_, k) => lowest + k);
  return {
    edges: [0, ...shown.map((bin) => binEdge(bin, SHOWN_BITS))],
    counts: [zeros + below(counts), ...counts.subarray(cut)],
    energies: [below(energies), ...energies.subarray(cut)],
  };
}

const METRICS: readonly {
  readonly name: keyof BandFigures;
  readonly title: string;
  readonly caption: string;
}[] = [
  { name: 'energy', title: 'Energy kept', caption: 'Share of Σ τ² in the entries between the cuts.' },
  {
    name: 'outliers',
    title: 'Energy of the largest',
    caption: 'Share of Σ τ² in the entries dropped at the top.',
  },
];

/** Energy of the band and of what lies above it, by layer and module. */
export function bandHeatmaps(
  study: Study,
  byTask: readonly (readonly BandTensor[])[],
  cuts: BandCuts,
): Matrix[] {
  const axes = networkAxes(byTask.flatMap((tensors) => tensors.map(({ place }) => place)));
  const cells = byTask.map((tensors) => {
    const sums = new Array<BandSums | null>(axes.rows.length * axes.columns.length).fill(null);
    for (const { place, sums: own } of tensors) {
      const cell = axes.cellOf(place);
      const before = sums[cell];
      sums[cell] = before ? addBands(before, own) : own;
    }
    return sums.map((each) => each && bandFigures(each));
  });
  return METRICS.flatMap(({ name: metric, title, caption }) => {
    const values = cells.map((figures) => figures.map((each) => each?.[metric] ?? null));
    const domain =
      metric === 'energy' && fromZero(values.flat()) ? ([0, 1] as const) : fromZero(values.flat());
    return study.tasks.map(({ name }, task) =>
      networkMatrix(axes, values[task] ?? [], {
        id: `${metric}:${name}`,
        title: `${title} · ${name}`,
        facets: { metric, task: name },
        caption: `${caption} ${cutsText(cuts)} ${BAND_COVERAGE} ${AXES_CAPTION}`,
        unit: 'share',
        scale: 'sequential',
        domain,
      }),
    );
  });
}
