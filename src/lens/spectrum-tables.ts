import { shapeText } from '../model/adapter';
import { compareRows } from '../model/naming';
import type { Table, TableCell } from '../protocol/artifact';
import { LEAST_VALUES } from './marchenko-pastur';
import { LEAST_TAIL } from './power-law';
import type { Spectrum } from './spectra';
import { DEAD_SHARE } from './spectral-figures';
import { MATRICES_CAPTION } from './study-matrices';
import { wholeText } from './wording';

/** One row per matrix, checkpoints one after the other, tensors in network order. `vectors`: tensors that have no spectrum. */
export function spectraTable(names: readonly string[], spectra: readonly Spectrum[], vectors: number): Table {
  return {
    kind: 'table',
    id: 'spectra',
    title: 'Spectra',
    caption: captionOf(spectra, vectors),
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'singular_values', title: 'Singular values', type: 'number', hidden: true },
      { name: 'stable_rank', title: 'Stable rank', type: 'number' },
      { name: 'effective_rank', title: 'Effective rank', type: 'number' },
      { name: 'rank90', title: 'Rank for 90 %', type: 'integer' },
      { name: 'rank95', title: '95 %', type: 'integer' },
      { name: 'rank99', title: '99 %', type: 'integer' },
      { name: 'effective_rank_energy', title: 'Effective rank of σ²', type: 'number' },
      { name: 'nominal_rank', title: 'Allotted rank', type: 'integer' },
      { name: 'dead_ranks', title: 'Dead ranks', type: 'integer' },
      { name: 'top_share', title: 'Energy of the first rank', type: 'share' },
      { name: 'norm', title: 'Norm', type: 'number' },
      { name: 'alpha', title: 'Power-law α', type: 'number' },
      { name: 'alpha_tail', title: 'Values in its tail', type: 'integer' },
      { name: 'alpha_refused', title: 'Why no α', type: 'text' },
      { name: 'noise_edge', title: 'Noise edge', type: 'number' },
      { name: 'above_edge', title: 'Values above it', type: 'integer' },
      { name: 'shape', title: 'Shape', type: 'text' },
      { name: 'values', title: 'Number of singular values', type: 'integer', hidden: true },
      { name: 'error', title: 'Bound of their error', type: 'number', hidden: true },
      { name: 'redundant_ranks', title: 'Redundant ranks', type: 'integer' },
      { name: 'edge_rank', title: 'Ranks above the random edge', type: 'integer' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: spectra.map((each) => rowOf(each, names)),
  };
}

function rowOf(spectrum: Spectrum, names: readonly string[]): TableCell[] {
  const { powerLaw, noise, place } = spectrum;
  return [
    spectrum.tensor,
    names[spectrum.of] ?? '',
    Array.from(spectrum.listed),
    spectrum.stable_rank,
    spectrum.effective_rank,
    spectrum.rank90,
    spectrum.rank95,
    spectrum.rank99,
    spectrum.effective_rank_energy,
    spectrum.nominalRank,
    spectrum.deadRanks,
    spectrum.top_share,
    spectrum.norm,
    powerLaw?.alpha ?? null,
    powerLaw?.tail ?? null,
    powerLaw ? null : refusalOf(spectrum),
    noise?.edge ?? null,
    noise?.above ?? null,
    shapeText([spectrum.rows, spectrum.columns]),
    spectrum.values,
    spectrum.error,
    spectrum.redundantRanks,
    spectrum.edgeRank,
    place.layer,
    place.module,
    place.row,
  ];
}

function refusalOf({ counted }: Spectrum): string {
  return counted < LEAST_TAIL
    ? `${wholeText(counted)} values, ${wholeText(LEAST_TAIL)} are needed`
    : 'the largest values are all the same';
}

function captionOf(spectra: readonly Spectrum[], vectors: number): string {
  const cut = spectra.some(({ listed, values }) => listed.length < values)
    ? ' The column singular_values lists the largest only: all of them would be too much; every other figure counts all.'
    : '';
  const skipped =
    vectors > 0
      ? ` Left out: ${wholeText(vectors)} tensors of fewer than two dimensions, which have no spectrum.`
      : '';
  return `${MATRICES_CAPTION}${skipped} Figures of a tensor that did not change are undefined. Dead ranks: σ ≤ ${String(DEAD_SHARE)} σ₁ of the rank that an adapter allots. Redundant ranks: the living ones that together hold less than 1 % of the energy. proxy: the random edge of an adapter, σ_med (1 + √(r/m))(1 + √(r/n)), is where a product of random factors of the median strength would end; of a dense matrix it is the noise edge. proxy: the noise edge s(√m + √n) takes s from the median singular value, and needs ${wholeText(LEAST_VALUES)} values.${cut}`;
}

/** What a layer of a task needs: the most of its matrices. */
export interface LayerRank {
  readonly layer: string;
  readonly label: string;
  readonly tensors: number;
  /** The largest rank95; `null` where nothing changed. */
  readonly suggested: number | null;
  /** The largest allotted rank. */
  readonly nominal: number | null;
  readonly dead: number | null;
  /** The largest ranks for 90 and 99 % of the energy, and above the random edge. */
  readonly rank90: number | null;
  readonly rank99: number | null;
  readonly edge: number | null;
  readonly redundant: number | null;
}

/** What the layers of one checkpoint need, in network order. */
export function layerRanks(spectra: readonly Spectrum[]): LayerRank[] {
  const layers = new Map<string, Spectrum[]>();
  for (const spectrum of spectra) {
    const { row } = spectrum.place;
    layers.set(row, [...(layers.get(row) ?? []), spectrum]);
  }
  return [...layers]
    .sort(([a], [b]) => compareRows(a, b))
    .map(([layer, own]) => ({
      layer,
      label: own[0]?.place.layerLabel ?? layer,
      tensors: own.length,
      suggested: most(own.map(({ rank95 }) => rank95)),
      nominal: most(own.map(({ nominalRank }) => nominalRank)),
      dead: total(own.map(({ deadRanks }) => deadRanks)),
      rank90: most(own.map(({ rank90 }) => rank90)),
      rank99: most(own.map(({ rank99 }) => rank99)),
      edge: most(own.map(({ edgeRank }) => edgeRank)),
      redundant: total(own.map(({ redundantRanks }) => redundantRanks)),
    }));
}

/** One row per checkpoint and layer: the rank that keeps 95 % of the energy of every matrix in it. */
export function layerRankTable(names: readonly string[], spectra: readonly Spectrum[]): Table {
  return {
    kind: 'table',
    id: 'layers',
    title: 'Ranks by layer',
    caption: `The suggested rank keeps 95 % of the energy of every matrix of the layer: the largest of their ranks; beside it those for 90 and 99 %, and the most ranks above the random edge (a proxy). ${MATRICES_CAPTION}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'tensors', title: 'Matrices', type: 'integer' },
      { name: 'suggested_rank', title: 'Suggested rank', type: 'integer' },
      { name: 'nominal_rank', title: 'Allotted rank', type: 'integer' },
      { name: 'dead_ranks', title: 'Dead ranks', type: 'integer' },
      { name: 'rank90', title: 'Rank for 90 %', type: 'integer' },
      { name: 'rank99', title: '99 %', type: 'integer' },
      { name: 'edge_rank', title: 'Ranks above the random edge', type: 'integer' },
      { name: 'redundant_ranks', title: 'Redundant ranks', type: 'integer' },
    ],
    rows: names.flatMap((name, of) =>
      layerRanks(spectra.filter((each) => each.of === of)).map((each): TableCell[] => [
        name,
        each.layer,
        each.tensors,
        each.suggested,
        each.nominal,
        each.dead,
        each.rank90,
        each.rank99,
        each.edge,
        each.redundant,
      ]),
    ),
  };
}

function most(values: readonly (number | null)[]): number | null {
  return values.reduce((best, value) => (value === null ? best : Math.max(best ?? value, value)), null);
}

function total(values: readonly (number | null)[]): number | null {
  return values.reduce((sum, value) => (value === null ? sum : (sum ?? 0) + value), null);
}
