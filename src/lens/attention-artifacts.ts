import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { ATTENTION_KEYS, type AttentionFigures } from './activations/attention-figures';
import { type Measured } from './activations/model-runs';
import { layerHeadMatrix } from './layer-head-matrix';
import { recommendation } from './recommendation';
import { namesText, percent, shortNumber } from './wording';

/** What the attention of a model is like on one data set. */
export interface Patterns {
  /** Site by site, head by head. */
  readonly heads: readonly (readonly (AttentionFigures | null)[])[];
  /** Site × site, row-major. */
  readonly alike: readonly (number | null)[];
}

/** One measured run. */
export type Run = Measured<Patterns>;

const TITLES: Readonly<Record<keyof AttentionFigures, readonly [title: string, unit: string]>> = {
  entropy: ['How spread the attention is', 'share of the most'],
  keys: ['How many keys are looked at', 'keys'],
  sink: ['Attention on the first token', 'share'],
  self: ['Attention on the token itself', 'share'],
  distance: ['How far heads look', 'tokens'],
  window: ['Window that a head needs', 'tokens'],
};

/** One figure of every head, layer × head. */
export function heatmap(
  { name, caption, value: { heads } }: Run,
  entries: readonly AxisEntry[],
  key: keyof AttentionFigures,
): Matrix {
  const [metric, unit] = TITLES[key];
  return layerHeadMatrix({
    id: `${key}:${name}`,
    metric,
    model: name,
    caption,
    rows: entries,
    heads: heads.map((own) => own.map((figures) => figures?.[key] ?? null)),
    unit,
    ...(unit.startsWith('share') ? { domain: [0, 1] as const } : {}),
  });
}

/** Which layers attend alike, layer × layer. */
export function likeness({ name, caption, value }: Run, entries: readonly AxisEntry[]): Matrix {
  return {
    kind: 'matrix',
    id: `layers_alike:${name}`,
    title: `Layers that attend alike, ${name}`,
    facets: { task: name },
    caption: `${caption} Attention averaged over heads; only layers with as many queries and keys.`,
    rows: entries,
    columns: entries,
    rowTitle: 'layer',
    columnTitle: 'layer',
    values: packNumbers(value.alike),
    unit: 'cos',
    scale: 'sequential',
    domain: [0, 1],
  };
}

/** One row per model, data set and head. */
export function headTable(runs: readonly Run[], entries: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'heads',
    title: 'All figures of every head',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'head', title: 'Head', type: 'integer' },
      ...ATTENTION_KEYS.map((key) => ({ name: key, title: TITLES[key][0], type: 'number' as const })),
    ],
    rows: runs.flatMap(({ model, samples, value }) =>
      value.heads.flatMap((own, site) =>
        own.map((figures, head) => [
          model,
          samples.name,
          entries[site]?.layer ?? '',
          head,
          ...ATTENTION_KEYS.map((key) => figures?.[key] ?? null),
        ]),
      ),
    ),
  };
}

const RESTING = 0.5;

/** What to share, and which heads rest. */
export function advice(
  runs: readonly Run[],
  entries: readonly AxisEntry[],
  groups: readonly (readonly (readonly number[])[])[],
) {
  const lines = runs.map(({ name, value: { heads } }, at) => {
    const all = heads.flatMap((own, site) =>
      own.flatMap((figures, head) =>
        figures ? [{ ...figures, label: `${entries[site]?.label ?? ''} head ${String(head)}` }] : [],
      ),
    );
    const resting = all.filter(({ sink }) => sink > RESTING).map(({ label }) => label);
    const near = all.toSorted((x, y) => x.window - y.window)[0];
    const shared = (groups[at] ?? []).map((group) =>
      group.map((site) => entries[site]?.label ?? '').join(' + '),
    );
    return [
      `${name}: `,
      shared.length > 0
        ? `${shared.join(', ')} attend alike and may share their attention. `
        : 'no inner layers attend alike enough to share. ',
      resting.length > 0 ? `More than ${percent(RESTING)} on the first token: ${namesText(resting)}. ` : '',
      near ? `Shortest window: ${near.label} (${shortNumber(near.window)} tokens).` : '',
    ].join('');
  });
  return recommendation(
    'What to make of the attention',
    lines,
    'attention says where a head looks, not what it takes from there. Share or shorten one layer, measure on the task, and go on.',
  );
}
