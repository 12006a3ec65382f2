import { recommendation } from './kv-advice';
import type { Artifact, Matrix, Table, TableCell, TableColumn } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { extent } from './domain';
import { randomOverlap, rowSpaceOverlap } from './kv-figures';
import {
  plansOf,
  PROJECTIONS,
  type KeyValueBlock,
  type KeyValueCaptions,
  type KeyValueModel,
  type Pooling,
} from './kv-models';
import { percent, wholeText } from './wording';

type ProjectionName = (typeof PROJECTIONS)[number]['name'];

/** Notes, heatmaps and tables of a run. */
export function kvArtifacts(models: readonly KeyValueModel[], options: KeyValueCaptions): Artifact[] {
  return [
    recommendation(models, options),
    cacheTable(models, options),
    ...redundancyMatrices(models, options.caption),
    ...PROJECTIONS.flatMap(({ name, title }) =>
      models.map((model) => overlapMatrix(model, name, title, options)),
    ),
    layerTable(models, options),
    poolingTable(models, options),
    neighbourTable(models, options),
    ...(models.some(({ isBase }) => isBase) && models.length > 1
      ? [differenceTable(models, options.caption)]
      : []),
  ];
}

/** 1 − what is lost by one mean for all heads of a block; `null` where there is one head only. */
function redundancy(pooling: readonly Pooling[], kind: 'residual' | 'aligned'): number | null {
  const lost = pooling.at(-1)?.[kind] ?? null;
  return lost === null ? null : 1 - lost;
}

function redundancyMatrices(models: readonly KeyValueModel[], caption: string): Matrix[] {
  const columns = PROJECTIONS.flatMap(({ name, title }) => [
    { label: title, name, kind: 'residual' as const },
    { label: `${title}, aligned`, name, kind: 'aligned' as const },
  ]);
  return models.map((model) => {
    const values = model.figures.flatMap((own) =>
      columns.map(({ name, kind }) => (own ? redundancy(own[name].pooling, kind) : null)),
    );
    return {
      kind: 'matrix',
      id: `redundancy:${model.name}`,
      title: `Redundancy of key-value heads · ${model.name}`,
      facets: { metric: 'redundancy', task: model.name },
      caption: `1 − what is lost when one mean stands for all key-value heads of a block: 1 for heads that are the same, 1/n for n unrelated ones. ${ALIGNED} Undefined where there is one key-value head. ${caption}`,
      rows: model.blocks.map(({ label, layer }) => ({ label, layer, task: model.name })),
      columns: columns.map(({ label }) => ({ label })),
      rowTitle: 'attention block',
      columnTitle: 'projection',
      values: packNumbers(values),
      unit: 'share',
      scale: 'sequential',
      domain: extent(values) && [0, 1],
    };
  });
}

const ALIGNED =
  'Aligned: after turning heads towards each other, values by any rotation (W_O turns back), keys likewise, but with rotary positions inside their planes (i, i + half the head size) only; unrelated heads gain by it, too, so compare layers.';

function overlapMatrix(
  { name, blocks, figures }: KeyValueModel,
  projection: ProjectionName,
  title: string,
  { energy, caption }: KeyValueCaptions,
): Matrix {
  const values = figures.flatMap((a) =>
    figures.map((b) => (a && b ? rowSpaceOverlap(a[projection].space, b[projection].space) : null)),
  );
  const entries = blocks.map(({ label, layer }) => ({ label, layer, task: name }));
  return {
    kind: 'matrix',
    id: `${projection} overlap:${name}`,
    title: `Overlap of ${title.toLowerCase()} across layers · ${name}`,
    facets: { metric: `overlap of ${title.toLowerCase()}`, task: name },
    caption: `φ of the row spaces that hold ${percent(energy)} of Σσ²: 1 reads the same part of the residual stream. Random spaces reach the larger rank ÷ hidden size, see the table "neighbours". ${caption}`,
    rows: entries,
    columns: entries,
    rowTitle: 'attention block',
    columnTitle: 'attention block',
    values: packNumbers(values),
    unit: 'φ',
    scale: 'sequential',
    domain: extent(values) && [0, 1],
  };
}

function layerTable(models: readonly KeyValueModel[], { energy, caption }: KeyValueCaptions): Table {
  return tableOf(
    'layers',
    'Layers',
    `proxy: latent size is the rank of [W_K; W_V] at ${percent(energy)} of Σσ², from weights alone; keys and values of real inputs need less. ${caption}`,
    [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'key_value_heads', title: 'Key-value heads', type: 'integer' },
      { name: 'head_size', title: 'Head size', type: 'integer' },
      { name: 'key_redundancy', title: 'Redundancy of keys', type: 'share' },
      { name: 'value_redundancy', title: 'Redundancy of values', type: 'share' },
      { name: 'key_rank', title: 'Rank of keys', type: 'integer' },
      { name: 'value_rank', title: 'Rank of values', type: 'integer' },
      { name: 'latent', title: 'Latent size', type: 'integer' },
      { name: 'latent_share', title: 'Latent ÷ cached', type: 'share' },
    ],
    rowsOf(models, ({ name }, block, own) => [
      [
        name,
        block.layer,
        block.keyValueHeads,
        block.headSize,
        redundancy(own.key.pooling, 'residual'),
        redundancy(own.value.pooling, 'residual'),
        own.key.space.rank,
        own.value.space.rank,
        own.latent,
        own.latent / (block.keyValueHeads * (block.key.size + block.value.size)),
      ],
    ]),
  );
}

function poolingTable(models: readonly KeyValueModel[], { caption }: KeyValueCaptions): Table {
  return tableOf(
    'pooling',
    'Fewer key-value heads',
    `Neighbouring heads are replaced by their mean. ${ALIGNED} Left out where it would take very long (more than 128 pairs of heads). ${caption}`,
    [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'projection', title: 'Projection', type: 'text' },
      { name: 'key_value_heads', title: 'Key-value heads left', type: 'integer' },
      { name: 'residual', title: 'Lost', type: 'share' },
      { name: 'aligned_residual', title: 'Lost, aligned', type: 'share' },
      { name: 'unrelated', title: 'Unrelated heads would lose', type: 'share' },
    ],
    rowsOf(models, ({ name }, block, own) =>
      PROJECTIONS.flatMap((projection) =>
        own[projection.name].pooling.map(({ groups, residual, aligned }): TableCell[] => [
          name,
          block.layer,
          projection.name,
          groups,
          residual,
          aligned,
          1 - groups / block.keyValueHeads,
        ]),
      ),
    ),
  );
}

function neighbourTable(models: readonly KeyValueModel[], { caption }: KeyValueCaptions): Table {
  const rows = models.flatMap(({ name, blocks, figures }) =>
    figures.flatMap((own, index) => {
      const next = figures[index + 1];
      if (!own || !next) return [];
      return PROJECTIONS.map((projection): TableCell[] => {
        const [a, b] = [own[projection.name].space, next[projection.name].space];
        return [
          name,
          blocks[index]?.layer ?? '',
          blocks[index + 1]?.layer ?? '',
          projection.name,
          rowSpaceOverlap(a, b),
          randomOverlap(a, b),
        ];
      });
    }),
  );
  return tableOf(
    'neighbours',
    'Neighbouring layers',
    `φ of the row spaces of neighbouring layers, beside that of random spaces of the same ranks. ${caption}`,
    [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'next_layer', title: 'Next layer', type: 'text' },
      { name: 'projection', title: 'Projection', type: 'text' },
      { name: 'overlap', title: 'Overlap φ', type: 'share' },
      { name: 'random', title: 'Of random spaces', type: 'share' },
    ],
    rows,
  );
}

function differenceTable(models: readonly KeyValueModel[], caption: string): Table {
  return tableOf(
    'compatibility',
    'Cache of a task against that of the base',
    `Relative difference of W_K and W_V; the same cache can serve both only where it is 0 in this and everything in the layers before is unchanged, too. Biases are not compared. ${caption}`,
    [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'key_difference', title: 'Difference of W_K', type: 'number' },
      { name: 'value_difference', title: 'Difference of W_V', type: 'number' },
      { name: 'identical', title: 'Identical', type: 'boolean' },
    ],
    rowsOf(models, ({ name }, block, { difference }) =>
      difference
        ? [
            [
              name,
              block.layer,
              difference.key,
              difference.value,
              difference.key === 0 && difference.value === 0,
            ],
          ]
        : [],
    ),
  );
}

function cacheTable(models: readonly KeyValueModel[], options: KeyValueCaptions): Table {
  const { tokens, bytes, energy, caption } = options;
  return tableOf(
    'cache',
    'Cache calculator',
    `Bytes of keys and values of all layers for ${wholeText(tokens)} tokens at ${String(bytes)} bytes a number; the parameters "tokens" and "bytes" change it. The latent plan is a proxy: ${percent(energy)} of the energy of the weights. ${caption}`,
    [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'plan', title: 'Plan', type: 'text' },
      { name: 'bytes_per_token', title: 'Bytes per token', type: 'bytes' },
      { name: 'bytes_total', title: 'Bytes', type: 'bytes' },
      { name: 'saved', title: 'Bytes saved', type: 'bytes' },
      { name: 'share', title: 'Share of now', type: 'share' },
    ],
    models.flatMap((model) => {
      const plans = plansOf(model);
      const now = plans[0]?.entriesPerToken ?? 0;
      return plans.map(({ plan, entriesPerToken, share }): TableCell[] => [
        model.name,
        plan,
        entriesPerToken * bytes,
        entriesPerToken * bytes * tokens,
        (now - entriesPerToken) * bytes * tokens,
        share,
      ]);
    }),
  );
}

function rowsOf(
  models: readonly KeyValueModel[],
  row: (model: KeyValueModel, block: KeyValueModel['blocks'][number], own: KeyValueBlock) => TableCell[][],
): TableCell[][] {
  return models.flatMap((model) =>
    model.figures.flatMap((own, index) => {
      const block = model.blocks[index];
      return own && block ? row(model, block, own) : [];
    }),
  );
}

function tableOf(
  id: string,
  title: string,
  caption: string,
  columns: TableColumn[],
  rows: TableCell[][],
): Table {
  return { kind: 'table', id, title, caption, columns, rows };
}
