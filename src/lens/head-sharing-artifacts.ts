import type { AttentionBlock } from '../model/attention';
import type { Artifact, AxisEntry, Matrix, Note, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { HEADS_SHOWN } from './composition-board';
import { extent } from './domain';
import { averageLinkage, leafOrder } from './linkage';
import { sharePlan, type Sharing } from './head-share-plan';
import { wholeText } from './wording';

/** n × n similarities, NaN where undefined, with what stands at each row. */
export interface Similarities {
  readonly entries: readonly AxisEntry[];
  /** Index of the block of each entry. */
  readonly blocks: readonly number[];
  readonly values: Float64Array;
}

/** How near a projection's heads are to being one for all. */
export interface ProjectionResidual {
  readonly block: AttentionBlock;
  readonly projection: 'query' | 'key' | 'value' | 'output';
  readonly heads: number;
  readonly mean: number | null;
  readonly scaled: number | null;
}

/** The heads of one model compared. */
export interface ComparedModel {
  readonly name: string;
  readonly isBase: boolean;
  readonly blocks: readonly AttentionBlock[];
  /** cos of [W_Q; W_K] between units. */
  readonly weights: Similarities;
  /** |cos| of W_QK and of W_OV between heads; `null` where they were not computed. */
  readonly qk: Similarities | null;
  readonly ov: Similarities | null;
  readonly residuals: readonly ProjectionResidual[];
}

const METRICS = [
  {
    key: 'weights',
    title: 'Cosine of [W_Q; W_K]',
    unit: 'cos',
    note: 'The match score of DirectShare: cosine of the weights as stored, which depends on the basis inside a head.',
  },
  {
    key: 'qk',
    title: '|cos| of W_QK',
    unit: '|cos|',
    note: 'Of W_QK as hidden × hidden matrices: the same for heads that differ by a basis alone.',
  },
  {
    key: 'ov',
    title: '|cos| of W_OV',
    unit: '|cos|',
    note: 'Of W_OV as hidden × hidden matrices: what the heads do to what they attend to.',
  },
] as const;

/** Matrices, plan, residuals and advice. `ratio`: the share of units that are to take the weights of others. */
export function sharingArtifacts(
  models: readonly ComparedModel[],
  ratio: number,
  captions: { readonly raw: string; readonly folded: string },
): Artifact[] {
  const base = models.find(({ isBase }) => isBase) ?? null;
  const plans = models.map((model) => {
    const n = model.weights.entries.length;
    return { model, plan: sharePlan(model.weights.values, n, Math.floor(ratio * n)) };
  });
  return [
    recommendation(plans),
    ...METRICS.flatMap(({ key, title, unit, note }) =>
      models.flatMap((model): Matrix[] => {
        const own = model[key];
        return own
          ? [
              matrixOf(model, own, {
                key,
                title,
                unit,
                caption: `${note} ${key === 'weights' ? captions.raw : captions.folded}`,
              }),
            ]
          : [];
      }),
    ),
    planTable(plans, base, captions.raw),
    residualTable(models, captions.raw),
  ];
}

function matrixOf(
  { name, blocks }: ComparedModel,
  own: Similarities,
  { key, title, unit, caption }: { key: string; title: string; unit: string; caption: string },
): Matrix {
  const shown = own.entries.length <= HEADS_SHOWN ? own : byBlock(own, blocks);
  const n = shown.entries.length;
  const values = Array.from(shown.values, (value) => (Number.isNaN(value) ? null : value));
  const distances = Float64Array.from(shown.values, (value, at) =>
    Math.floor(at / n) === at % n ? 0 : 1 - (Number.isNaN(value) ? 0 : value),
  );
  const order = leafOrder(averageLinkage(distances, n), n);
  const entries = shown.entries.map((entry) => ({ ...entry, task: name }));
  const less =
    shown === own ? '' : ' Too many heads to show each: a cell is the largest value between two blocks.';
  return {
    kind: 'matrix',
    id: `${key}:${name}`,
    title: `${title} · ${name}`,
    facets: { metric: title, task: name },
    caption: `${caption}${less}`,
    rows: entries,
    columns: entries,
    rowTitle: 'head',
    columnTitle: 'head',
    values: packNumbers(values),
    unit,
    scale: key === 'weights' ? 'diverging' : 'sequential',
    domain: extent(values) && (key === 'weights' ? [-1, 1] : [0, 1]),
    orders: [{ title: 'By similarity', rows: order, columns: order }],
  };
}

/** The largest similarity of different heads between every two blocks. */
function byBlock({ entries, blocks, values }: Similarities, all: readonly AttentionBlock[]): Similarities {
  const n = all.length;
  const most = new Float64Array(n * n).fill(NaN);
  for (let i = 0; i < entries.length; i++) {
    for (let j = 0; j < entries.length; j++) {
      const value = values[i * entries.length + j] as number;
      const at = (blocks[i] ?? 0) * n + (blocks[j] ?? 0);
      if (i !== j && !Number.isNaN(value) && !((most[at] as number) >= value)) most[at] = value;
    }
  }
  return {
    entries: all.map(({ label, layer }) => ({ label, layer })),
    blocks: all.map((_, block) => block),
    values: most,
  };
}

interface Planned {
  readonly model: ComparedModel;
  readonly plan: readonly Sharing[];
}

/** Parameters of one unit. */
function sizesOf({ heads, keyValueHeads, headSize, query, key, value }: AttentionBlock) {
  const outputs = (part: AttentionBlock['key'], rows: number) =>
    (part.entry.span.count / totalRows(part)) * rows;
  return {
    qk: outputs(query, (heads / keyValueHeads) * headSize) + outputs(key, headSize),
    v: outputs(value, value.size),
  };
}

function totalRows({ entry, stored }: AttentionBlock['key']): number {
  const first = entry.span.shape[0] ?? 1;
  return stored === 'out-in' ? first : entry.span.count / first;
}

function planTable(plans: readonly Planned[], base: ComparedModel | null, caption: string): Table {
  const rows = plans.flatMap(({ model, plan }) =>
    plan.map(({ unit, donor, score }): TableCell[] => {
      const { entries, blocks, values } = model.weights;
      const block = model.blocks[blocks[unit] ?? 0];
      const sizes = block ? sizesOf(block) : null;
      const sameAsBase = base !== null && base !== model && base.weights.values.length === values.length;
      const before = sameAsBase ? (base.weights.values[donor * entries.length + unit] ?? NaN) : NaN;
      return [
        model.name,
        entries[unit]?.layer ?? '',
        entries[unit]?.head ?? null,
        entries[donor]?.layer ?? '',
        entries[donor]?.head ?? null,
        score,
        operatorOf(model.qk, model.weights, unit, donor),
        operatorOf(model.ov, model.weights, unit, donor),
        sizes?.qk ?? null,
        sizes ? sizes.qk + sizes.v : null,
        Number.isNaN(before) ? null : before,
      ];
    }),
  );
  return {
    kind: 'table',
    id: 'plan',
    title: 'Share plan',
    caption: `Greedy by cosine of [W_Q; W_K]: a head takes the weights of an earlier one. With grouped queries a head is a key-value head with its queries. ${caption}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'head', title: 'Head', type: 'integer' },
      { name: 'donor_layer', title: 'Takes from layer', type: 'text' },
      { name: 'donor_head', title: 'Takes from head', type: 'integer' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
      { name: 'qk_cosine', title: '|cos| of W_QK', type: 'number' },
      { name: 'ov_cosine', title: '|cos| of W_OV', type: 'number' },
      { name: 'saved_qk', title: 'Parameters saved (W_Q, W_K)', type: 'integer' },
      { name: 'saved_qkv', title: 'Parameters saved (with W_V)', type: 'integer' },
      { name: 'base_cosine', title: 'Cosine in the base', type: 'number' },
    ],
    rows,
  };
}

/** The similarity of two units by their matrices; the mean over query heads in order, where a unit has several. */
function operatorOf(
  operators: Similarities | null,
  units: Similarities,
  unit: number,
  donor: number,
): number | null {
  if (!operators) return null;
  const n = operators.entries.length;
  const shared = n / units.entries.length;
  if (!Number.isInteger(shared)) return null;
  let sum = 0;
  for (let k = 0; k < shared; k++)
    sum += operators.values[(donor * shared + k) * n + unit * shared + k] ?? NaN;
  return Number.isNaN(sum) ? null : sum / shared;
}

function residualTable(models: readonly ComparedModel[], caption: string): Table {
  return {
    kind: 'table',
    id: 'shared_projection',
    title: 'One projection for all heads of a block',
    caption: `proxy: what is lost (share of Σ‖W_h‖²) when every head of a block has the same W̄, or diag(s_h)·W̄, as in a model trained with head embeddings (MHE). n unrelated heads lose about 1 − 1/n. ${caption}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'projection', title: 'Projection', type: 'text' },
      { name: 'heads', title: 'Heads', type: 'integer' },
      { name: 'mean_residual', title: 'Lost with one W̄', type: 'share' },
      { name: 'scaled_residual', title: 'Lost with diag(s)·W̄', type: 'share' },
    ],
    rows: models.flatMap(({ name, residuals }) =>
      residuals.map(({ block, projection, heads, mean, scaled }): TableCell[] => [
        name,
        block.layer,
        projection,
        heads,
        mean,
        scaled,
      ]),
    ),
  };
}

/** Below it a head is no stand-in for another without training. */
const LIKELY = 0.9;
const UNLIKELY = 0.5;

function recommendation(plans: readonly Planned[]): Note {
  const lines = plans.map(({ model, plan }) => {
    const total = model.blocks.reduce((sum, block) => {
      const { qk, v } = sizesOf(block);
      return sum + (qk + v) * block.keyValueHeads;
    }, 0);
    const saved = plan.reduce((sum, { unit }) => {
      const block = model.blocks[model.weights.blocks[unit] ?? 0];
      const sizes = block ? sizesOf(block) : { qk: 0, v: 0 };
      return sum + sizes.qk + sizes.v;
    }, 0);
    const least = plan.at(-1)?.score ?? null;
    if (least === null) return `${model.name}: no heads can share.`;
    const good = plan.filter(({ score }) => score >= LIKELY).length;
    const share = total > 0 ? `${((100 * saved) / total).toFixed(1)} % of W_Q, W_K and W_V` : '';
    return `${model.name}: the plan ties ${wholeText(plan.length)} of ${wholeText(model.weights.entries.length)} heads and saves ${wholeText(saved)} parameters (${share}); the cosines go down to ${least.toFixed(2)}. ${verdictOn(good, plan.length, plan[0]?.score ?? 0)}`;
  });
  return {
    kind: 'note',
    id: 'recommendation',
    title: 'Which heads could share weights',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: similar weights are a first guess, not a proof. Heads of different layers read different inputs, and behind a tied W_V each keeps its own W_O. Measure the tied model on your data; DirectShare loses little at small ratios only, PostShare trains before tying.',
    ].join('\n'),
  };
}

function verdictOn(good: number, planned: number, best: number): string {
  if (good === planned) return 'All of them are nearly the same: tying them is worth a try without training.';
  if (good > 0)
    return `${wholeText(good)} of them are nearly the same (cosine ≥ ${String(LIKELY)}): tie those, and leave the others.`;
  if (best < UNLIKELY)
    return `None is similar (the best cosine is ${best.toFixed(2)}): do not tie heads of this model without training it for that.`;
  return 'Some are similar, none nearly the same: tie them only with training (PostShare).';
}
