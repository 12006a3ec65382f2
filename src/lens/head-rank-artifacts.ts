import type { AttentionBlock } from '../model/attention';
import type { Artifact, Matrix, Note, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { extent, fromZero } from './domain';
import type { CircuitFigures } from './head-rank-figures';
import { namesText, percent, wholeText } from './wording';

/** W_QK and W_OV of one head. */
export interface HeadFigures {
  readonly qk: CircuitFigures;
  readonly ov: CircuitFigures;
}

/** The heads of one model: one list a block, in the order of its blocks; `null` for a block that was left out. */
export interface RankedModel {
  readonly name: string;
  readonly isBase: boolean;
  readonly blocks: readonly AttentionBlock[];
  readonly figures: readonly (readonly HeadFigures[] | null)[];
}

const CIRCUITS = [
  { circuit: 'qk', title: 'QK' },
  { circuit: 'ov', title: 'OV' },
] as const;

interface RankMetric {
  readonly name: string;
  readonly cell: string;
  readonly unit: string;
  readonly scale: Matrix['scale'];
  /** Whether the change against the base has a heatmap of its own. */
  readonly change: boolean;
  figure(head: HeadFigures, block: AttentionBlock): number | null;
}

const METRICS: readonly RankMetric[] = [
  ...CIRCUITS.flatMap(({ circuit, title }): RankMetric[] => [
    {
      name: `${title} saturation`,
      cell: `rank@99 of W_${title} ÷ head size: 1 is a head that uses all of its size.`,
      unit: 'rank@99 ÷ head size',
      scale: 'sequential',
      change: false,
      figure: (head) => head[circuit].saturation,
    },
    {
      name: `${title} effective rank`,
      cell: `exp of the entropy of σ/Σσ of W_${title}; at most the head size.`,
      unit: 'effective rank',
      scale: 'sequential',
      change: true,
      figure: (head) => head[circuit].effective_rank,
    },
  ]),
  {
    name: 'QK logit scale',
    cell: '‖W_QK‖₂ / √(head size): how sharp the attention of a head can be for inputs of unit length.',
    unit: '‖W_QK‖₂ / √d_h',
    scale: 'sequential',
    change: true,
    figure: ({ qk }, { headSize }) => qk.spectral / Math.sqrt(headSize),
  },
  ...CIRCUITS.map(({ circuit, title }): RankMetric => ({
    name: `${title} ${circuit === 'ov' ? 'copying' : 'self-matching'}`,
    cell: `Σλ / Σ|λ| over the eigenvalues of W_${title}: ${circuit === 'ov' ? '1 copies what it attends to, −1 takes it away' : '1 attends to what is like the asking token, −1 to what is unlike it'}.`,
    unit: 'Σλ / Σ|λ|',
    scale: 'diverging',
    change: false,
    figure: (head) => head[circuit].eigenvalue_share,
  })),
];

/** Heatmaps layer × head, notes and tables. `caption` says what was folded and read. */
export function rankArtifacts(
  models: readonly RankedModel[],
  thresholds: { readonly saturated: number; readonly wasted: number },
  caption: string,
): Artifact[] {
  const base = models.find(({ isBase }) => isBase) ?? null;
  return [
    recommendation(models, thresholds),
    ...METRICS.flatMap((metric) => heatmaps(models, metric, caption)),
    ...(base
      ? METRICS.filter(({ change }) => change).flatMap((metric) => changes(models, base, metric, caption))
      : []),
    table(models, base, caption),
  ];
}

function cellsOf({ blocks, figures }: RankedModel, metric: RankMetric, columns: number): (number | null)[] {
  return blocks.flatMap((block, index) =>
    Array.from({ length: columns }, (_, head) => {
      const own = figures[index]?.[head];
      return own ? metric.figure(own, block) : null;
    }),
  );
}

function heatmaps(models: readonly RankedModel[], metric: RankMetric, caption: string): Matrix[] {
  const columns = mostHeads(models);
  const values = models.map((model) => cellsOf(model, metric, columns));
  const domain = metric.scale === 'diverging' ? ([-1, 1] as const) : fromZero(values.flat());
  return models.map((model, index) => ({
    ...axes(model, columns),
    id: `${metric.name}:${model.name}`,
    title: `${metric.name} · ${model.name}`,
    facets: { metric: metric.name, task: model.name },
    caption: `${metric.cell} ${caption}`,
    values: packNumbers(values[index] ?? []),
    unit: metric.unit,
    scale: metric.scale,
    domain: extent(values.flat()) && domain,
  }));
}

function changes(
  models: readonly RankedModel[],
  base: RankedModel,
  metric: RankMetric,
  caption: string,
): Matrix[] {
  const columns = mostHeads(models);
  const before = cellsOf(base, metric, columns);
  const tasks = models.filter((model) => model !== base);
  const values = tasks.map((model) =>
    cellsOf(model, metric, columns).map((value, at) => difference(value, before[at] ?? null)),
  );
  const range = extent(values.flat());
  const most = range ? Math.max(-range[0], range[1]) || 1 : 1;
  return tasks.map((model, index) => ({
    ...axes(model, columns),
    id: `${metric.name} change:${model.name}`,
    title: `Change of ${metric.name} · ${model.name}`,
    facets: { metric: `change of ${metric.name}`, task: model.name },
    caption: `Of the task minus of the base. ${metric.cell} ${caption}`,
    values: packNumbers(values[index] ?? []),
    unit: `${metric.unit}, task − base`,
    scale: 'diverging',
    domain: range && ([-most, most] as const),
  }));
}

function mostHeads(models: readonly RankedModel[]): number {
  return Math.max(0, ...models.flatMap(({ blocks }) => blocks.map(({ heads }) => heads)));
}

function axes(
  { blocks, name }: RankedModel,
  columns: number,
): Pick<Matrix, 'kind' | 'rows' | 'columns' | 'rowTitle' | 'columnTitle'> {
  return {
    kind: 'matrix',
    rows: blocks.map(({ label, layer }) => ({ label, layer, task: name })),
    columns: Array.from({ length: columns }, (_, head) => ({ label: `head ${String(head)}`, head })),
    rowTitle: 'attention block',
    columnTitle: 'head',
  };
}

function table(models: readonly RankedModel[], base: RankedModel | null, caption: string): Table {
  const rows = models.flatMap((model) =>
    model.blocks.flatMap((block, index) =>
      (model.figures[index] ?? []).flatMap((own, head) =>
        CIRCUITS.map(({ circuit, title }): TableCell[] => {
          const figures = own[circuit];
          const before = model === base ? null : (base?.figures[index]?.[head]?.[circuit] ?? null);
          return [
            model.name,
            block.layer,
            head,
            title,
            figures.limit,
            figures.rank99,
            figures.saturation,
            figures.stable_rank,
            figures.effective_rank,
            figures.effective_rank_energy,
            figures.spectral,
            figures.norm,
            circuit === 'qk' ? figures.norm / Math.sqrt(block.headSize) : null,
            figures.trace_share,
            figures.eigenvalue_share,
            difference(figures.rank99, before?.rank99 ?? null),
            difference(figures.effective_rank, before?.effective_rank ?? null),
            block.label,
          ];
        }),
      ),
    ),
  );
  return {
    kind: 'table',
    id: 'heads',
    title: 'Heads',
    caption: `One row for W_QK and one for W_OV of every head. ${caption}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'head', title: 'Head', type: 'integer' },
      { name: 'circuit', title: 'Circuit', type: 'text' },
      { name: 'head_size', title: 'Head size', type: 'integer' },
      { name: 'rank99', title: 'Rank@99', type: 'integer' },
      { name: 'saturation', title: 'Rank@99 ÷ head size', type: 'share' },
      { name: 'stable_rank', title: 'Stable rank', type: 'number' },
      { name: 'effective_rank', title: 'Effective rank', type: 'number' },
      { name: 'effective_rank_energy', title: 'Effective rank (σ²)', type: 'number' },
      { name: 'spectral', title: '‖W‖₂', type: 'number' },
      { name: 'norm', title: '‖W‖_F', type: 'number' },
      { name: 'logit_norm', title: '‖W_QK‖_F / √d_h', type: 'number' },
      { name: 'trace_share', title: 'Identity share', type: 'number' },
      { name: 'eigenvalue_share', title: 'Σλ / Σ|λ|', type: 'number' },
      { name: 'rank99_change', title: 'Change of rank@99', type: 'integer' },
      { name: 'effective_rank_change', title: 'Change of effective rank', type: 'number' },
      { name: 'block', title: 'Attention block', type: 'text', hidden: true },
    ],
    rows,
  };
}

function recommendation(
  models: readonly RankedModel[],
  { saturated, wasted }: { readonly saturated: number; readonly wasted: number },
): Note {
  const lines = models.flatMap((model) => {
    const full = namesOf(model, (share) => share >= saturated);
    const empty = namesOf(model, (share) => share <= wasted);
    return [
      ...(full.length > 0
        ? [
            `${model.name}: ${wholeText(full.length)} of ${wholeText(2 * countHeads(model))} head matrices use at least ${percent(saturated)} of the head size (${namesText(full)}): the head size is what limits them; give a new model larger heads rather than more.`,
          ]
        : []),
      ...(empty.length > 0
        ? [
            `${model.name}: ${wholeText(empty.length)} use at most ${percent(wasted)} of it (${namesText(empty)}): they can be factored to a lower rank, or are the first to try pruning.`,
          ]
        : []),
      ...smallerText(model),
    ];
  });
  return {
    kind: 'note',
    id: 'recommendation',
    title: 'Where the head size is too small, and where it is wasted',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...(lines.length > 0 ? lines : ['No head is near its limit or far below it.']),
      'Limits: rank@99 counts energy of weights, not of what passes through them; a direction of little weight may matter for few inputs. With rotary positions W_QK cannot be rotated freely, so its rank is a lower bound of the head size that keeps it.',
    ].join('\n'),
  };
}

function namesOf({ blocks, figures }: RankedModel, is: (saturation: number) => boolean): string[] {
  return blocks.flatMap(({ label }, index) =>
    (figures[index] ?? []).flatMap((own, head) =>
      CIRCUITS.flatMap(({ circuit, title }) => {
        const { saturation } = own[circuit];
        return saturation !== null && is(saturation) ? [`${title} of ${label} head ${head}`] : [];
      }),
    ),
  );
}

/** What a smaller size of value heads would save: W_O·W_V may be factored anew in every head. */
function smallerText({ name, blocks, figures }: RankedModel): string[] {
  let [saved, total] = [0, 0];
  blocks.forEach((block, index) => {
    const own = figures[index];
    if (!own || own.length === 0 || block.heads !== block.keyValueHeads) return;
    const hidden = block.value.entry.span.count / (block.keyValueHeads * block.value.size);
    const needed = Math.max(...own.map(({ ov }) => ov.rank99 ?? 0));
    saved += 2 * (block.value.size - needed) * block.heads * hidden;
    total += 2 * block.value.size * block.heads * hidden;
  });
  if (total === 0 || saved / total < 0.01) return [];
  return [
    `${name}: value heads cut to the largest rank@99 of their block would save ${wholeText(saved)} parameters (${percent(saved / total)} of W_V and W_O) at 1 % of the energy of each W_OV.`,
  ];
}

function countHeads({ figures }: RankedModel): number {
  return figures.reduce((sum, own) => sum + (own?.length ?? 0), 0);
}

function difference(value: number | null, before: number | null): number | null {
  return value === null || before === null ? null : value - before;
}
