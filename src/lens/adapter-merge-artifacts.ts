import { placeOf } from '../model/naming';
import type { Matrix, Note, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import {
  addMerges,
  COMBINATIONS,
  mergeFigures,
  type Combination,
  type MergeFigures,
  type MergeSums,
  type TensorMerges,
} from './adapter-merge-sums';
import { fromZero } from './domain';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import { recommendation } from './recommendation';
import { countText, percent, shortNumber } from './wording';

/** One tensor with every combination; `null` where the adapters do not agree on its shape. */
export interface TensorMerge {
  readonly tensor: string;
  readonly adapters: number;
  readonly merges: TensorMerges | null;
}

const TITLES: Readonly<Record<Combination, string>> = {
  linear: 'PEFT linear',
  ties: 'PEFT ties',
  dare_linear: 'PEFT dare_linear',
  dare_ties: 'PEFT dare_ties',
  svd: 'PEFT svd',
  cat_resized: 'cat, then resized',
  cat: 'PEFT cat',
};

const UNIT = '‖M − T‖ / ‖T‖';
const SET =
  'Over the modules that some LoRA changes, T = Σ wᵢsᵢBᵢAᵢ. An error below 3·10⁻⁷ is rounding and stands as 0; undefined where PEFT refuses, since ranks differ.';

function over(tensors: readonly TensorMerge[], method: Combination): MergeSums | null {
  return addMerges(tensors.map(({ merges }) => merges?.[method] ?? null));
}

/** Layer × method: the error over all modules of a layer. */
export function layerMatrix(tensors: readonly TensorMerge[]): Matrix {
  const { rows } = networkAxes(tensors.map(({ tensor }) => placeOf(tensor)));
  const values = rows.flatMap(({ layer }) => {
    const own = tensors.filter(({ tensor }) => placeOf(tensor).row === layer);
    return COMBINATIONS.map((method) => mergeFigures(over(own, method)).error);
  });
  return {
    kind: 'matrix',
    id: 'layers',
    title: 'Error of each combination by layer',
    caption: `0: the merge changes the weights as the adapters together would; 1: as wrong as no adapter. ${SET}`,
    rows,
    columns: COMBINATIONS.map((method) => ({ label: TITLES[method] })),
    rowTitle: 'layer',
    columnTitle: 'combination',
    values: packNumbers(values),
    unit: UNIT,
    scale: 'sequential',
    domain: fromZero(values),
  };
}

/** Layer × module of every combination that is not exact by its definition. */
export function methodMatrices(tensors: readonly TensorMerge[]): Matrix[] {
  const axes = networkAxes(tensors.map(({ tensor }) => placeOf(tensor)));
  const members = axes.rows.flatMap(() => axes.columns.map((): TensorMerge[] => []));
  for (const each of tensors) members[axes.cellOf(placeOf(each.tensor))]?.push(each);
  const shown = COMBINATIONS.filter((method) => method !== 'cat' && over(tensors, method) !== null);
  const errors = shown.map((method) => members.map((own) => mergeFigures(over(own, method)).error));
  const domain = fromZero(errors.flat());
  return shown.map((method, at) =>
    networkMatrix(axes, errors[at] ?? [], {
      id: `error:${method}`,
      title: `Error of the merge · ${TITLES[method]}`,
      facets: { method },
      caption: `${SET} ${AXES_CAPTION}`,
      unit: UNIT,
      scale: 'sequential',
      domain,
    }),
  );
}

const FIGURES = [
  { name: 'error', title: UNIT, type: 'number' },
  { name: 'cosine', title: 'Cosine with T', type: 'number' },
  { name: 'norm_ratio', title: '‖M‖ / ‖T‖', type: 'number' },
  { name: 'rank', title: 'Rank of the merge', type: 'integer' },
] as const;

function figureCells(sums: MergeSums | null): TableCell[] {
  const { error, cosine, ratio } = mergeFigures(sums);
  return [error, cosine, ratio, sums?.rank ?? null];
}

/** One row per combination, over all modules. */
export function methodTable(tensors: readonly TensorMerge[]): Table {
  return {
    kind: 'table',
    id: 'methods',
    title: 'Combinations against the weighted sum',
    caption: SET,
    columns: [
      { name: 'method', title: 'Combination', type: 'text' },
      { name: 'title', title: 'As called', type: 'text' },
      ...FIGURES,
    ],
    rows: COMBINATIONS.map((method): TableCell[] => [
      method,
      TITLES[method],
      ...figureCells(over(tensors, method)),
    ]),
  };
}

/** One row per module and combination. */
export function tensorTable(tensors: readonly TensorMerge[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Combinations by module',
    caption: SET,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'adapters', title: 'Adapters', type: 'integer' },
      { name: 'method', title: 'Combination', type: 'text' },
      ...FIGURES,
      { name: 'layer', title: 'Layer', type: 'text', hidden: true },
      { name: 'module', title: 'Module', type: 'text', hidden: true },
      { name: 'row', title: 'Heatmap row', type: 'text', hidden: true },
    ],
    rows: tensors.flatMap(({ tensor, adapters, merges }) => {
      const { layer, module, row } = placeOf(tensor);
      return COMBINATIONS.map((method): TableCell[] => [
        tensor,
        adapters,
        method,
        ...figureCells(merges?.[method] ?? null),
        layer,
        module,
        row,
      ]);
    }),
  };
}

/** What a merge was asked for. */
export interface Asked {
  readonly adapters: readonly string[];
  readonly rank: number;
  readonly leftOut: number;
}

/** Errors up to this are hardly worth a larger rank. */
const SMALL_ERROR = 0.05;
/** A merge whose norm is off by more is too weak or too strong. */
const OFF = 0.1;

/** Which combination to use, and what the others would do. */
export function mergeAdvice(tensors: readonly TensorMerge[], { adapters, rank, leftOut }: Asked): Note {
  const figures = (method: Combination) => mergeFigures(over(tensors, method));
  const whole = over(tensors, 'cat');
  const differing = tensors.filter(({ merges }) => merges === null).length;
  const lines = [
    ...factorLines(figures),
    ...svdLine(figures('svd'), figures('cat_resized')),
    ...(whole
      ? [catLine(figures('cat_resized').error, whole.rank, rank)]
      : [
          tensors.length === 0
            ? 'No module has finite factors: see the findings.'
            : `${countText(differing, 'module')} differ in shape between the adapters: they belong to different bases.`,
        ]),
    ...(leftOut > 0
      ? [
          `${countText(leftOut, 'change')} of other kinds than plain LoRA are left out: PEFT cannot combine them so.`,
        ]
      : []),
  ];
  return recommendation(
    `How to combine ${countText(adapters.length, 'adapter')}`,
    lines,
    'errors of weights, not of outputs: try the merged adapter on data. "dare" is one random draw with the given seed. The rules are those of the version of PEFT under the sources; others may merge otherwise.',
  );
}

const FACTOR_METHODS = ['linear', 'ties', 'dare_linear', 'dare_ties'] as const;

function factorLines(figures: (method: Combination) => MergeFigures): string[] {
  const found = FACTOR_METHODS.flatMap((method) => {
    const { error, cosine } = figures(method);
    return error === null ? [] : [{ method, error, cosine }];
  });
  if (found.length === 0 && figures('cat').error === null) return [];
  if (found.length === 0)
    return ['PEFT refuses "linear", "ties" and "dare": the adapters differ in rank in some module.'];
  const text = found
    .map(({ method, error, cosine }) => `${method} ${percent(error)} (cosine ${shortNumber(cosine ?? 0)})`)
    .join(', ');
  const linear = figures('linear').error ?? 0;
  const verdict =
    linear > SMALL_ERROR
      ? 'The cross terms of A and B merged apart are no detail here.'
      : 'Merging A and B apart does little harm here.';
  return [`Errors of what is merged by factors: ${text}. ${verdict}`];
}

function svdLine(svd: MergeFigures, best: MergeFigures): string[] {
  if (svd.error === null || svd.ratio === null || best.ratio === null || !(best.ratio > 0)) return [];
  const strength = svd.ratio / best.ratio;
  if (Math.abs(strength - 1) <= OFF) return [`PEFT "svd": error ${percent(svd.error)}.`];
  return [
    `PEFT "svd" counts the scale of each adapter twice: the merge is ${shortNumber(strength)} times as strong as it should be (error ${percent(svd.error)}).`,
  ];
}

function catLine(resized: number | null, whole: number, rank: number): string {
  if (whole <= rank || resized === null) return `Use "cat": exact, at rank ${shortNumber(whole)}.`;
  const verdict =
    resized <= SMALL_ERROR ? 'which hardly matters' : 'keep a higher rank where that is too much';
  return `Use "cat": exact, at rank ${shortNumber(whole)}. Resized to rank ${shortNumber(rank)} afterwards it has an error of ${percent(resized)}, the least that this rank allows: ${verdict}.`;
}
