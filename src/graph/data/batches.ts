import { quoted } from '../../format/problems';
import { cancelled, success, type Result } from '../../protocol/result';
import { IGNORED } from '../objective/objective';
import type { ElementType } from '../../format/onnx/element-types';
import { emptyArray, type TensorValue, type ValueArray } from '../tensor-value';
import { convertValue } from './convert';
import type { DataArray } from './data-set';
import { defaultValue } from './default-feeds';
import type { DataMatch, InputMatch } from './data-match';
import type { LabelMatch } from './match-labels';
import { moveFirstAxis } from './move-axis';
import { refuse } from './problems';

/** Samples of a data set as a graph takes them. */
export interface DataBatch {
  readonly inputs: ReadonlyMap<string, TensorValue>;
  /** Labels or targets, samples along the first axis. */
  readonly reference?: TensorValue;
  readonly count: number;
  /** Samples of the data set, in the order in which they are stacked. */
  readonly indices: readonly number[];
}

export interface BatchOptions {
  /** The type in which labels are wanted: `int64` for whole numbers and `float32` for others unless given. */
  readonly labelType?: ElementType;
  readonly signal?: AbortSignal;
}

/**
 * Splits samples into runs of at most `size`; where the graph takes a fixed number, into runs of that, a rest that does not
 * fill one being left out.
 */
export function batchesOf(
  indices: readonly number[],
  size: number,
  fixed: number | null,
): readonly (readonly number[])[] {
  const each = fixed ?? Math.max(1, size);
  const batches: (readonly number[])[] = [];
  for (let start = 0; start < indices.length; start += each) batches.push(indices.slice(start, start + each));
  return fixed === null ? batches : batches.filter((batch) => batch.length === fixed);
}

/**
 * Reads samples and brings them into the types and shapes of the graph. Labels where the mask is 0
 * become −100; those that are the inputs themselves are moved, so that position t holds the label that it is scored against. Fails with
 * `data-inexact`, `cancelled`, or as reading rows does.
 */
export async function readBatch(
  match: DataMatch,
  indices: readonly number[],
  { labelType, signal }: BatchOptions = {},
): Promise<Result<DataBatch>> {
  if (signal?.aborted === true) return cancelled();
  const { data, labels } = match;
  const arrays = (kind: 'rows' | 'constant') =>
    match.inputs.flatMap(({ feed }) => (feed.kind === kind ? [feed.array.name] : []));
  const names = [...new Set([...arrays('rows'), ...(labels ? [labels.array.name] : [])])];
  if (labels?.mask && !names.includes(labels.mask.name)) names.push(labels.mask.name);
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(match.length === null ? {} : { length: match.length }),
  };
  const rows = await data.rows(names, indices, options);
  if (!rows.ok) return rows;
  const constants = new Map<string, TensorValue>();
  for (const name of arrays('constant')) {
    const shape = data.arrays.find((array) => array.name === name)?.shape ?? [];
    const all = Array.from({ length: shape[0] ?? 1 }, (_, i) => i);
    const whole = await data.rows([name], all, options);
    if (!whole.ok) return whole;
    for (const [key, value] of whole.value) constants.set(key, value);
  }
  const inputs = new Map<string, TensorValue>();
  for (const each of match.inputs) {
    const fed = feedOf(each, rows.value, constants, match, indices);
    if (!fed.ok) return fed;
    if (fed.value !== null) inputs.set(each.input.name, fed.value);
  }
  addDefaults(match, inputs);
  const batch = { inputs, count: indices.length, indices };
  if (labels === null) return success(batch);
  const reference = labelsOf(match, labels, rows.value, indices, labelType);
  return reference.ok ? success({ ...batch, reference: reference.value }) : reference;
}

function feedOf(
  { feed, type, batchAxis }: InputMatch,
  rows: ReadonlyMap<string, TensorValue>,
  constants: ReadonlyMap<string, TensorValue>,
  match: DataMatch,
  indices: readonly number[],
): Result<TensorValue | null> {
  if (feed.kind === 'default') return success(null);
  const value = (feed.kind === 'rows' ? rows : constants).get(feed.array.name);
  if (value === undefined) return success(null);
  const converted = converting(match, feed.array, value, type, feed.kind === 'rows' ? indices : []);
  if (!converted.ok || feed.kind !== 'rows') return converted;
  return success(moveFirstAxis(converted.value, batchAxis));
}

function converting(
  { data: { path }, round }: DataMatch,
  array: DataArray,
  value: TensorValue,
  type: ElementType,
  indices: readonly number[],
): Result<TensorValue> {
  const converted = convertValue(value, type, round || array.decimal === true);
  if ('data' in converted) return success(converted);
  const perRow = value.data.length / Math.max(1, indices.length);
  const sample = indices[Math.floor(converted.position / perRow)];
  const place = sample === undefined ? '' : ` of sample ${String(sample)}`;
  const message = `${path}: ${converted.text} in ${quoted(array.name)}${place} is no ${type}.`;
  return refuse('data-inexact', path, message, array.name);
}

/** Feeds without an array, in the sizes of the one they are like. */
function addDefaults(match: DataMatch, inputs: Map<string, TensorValue>): void {
  for (const { input, type, feed } of match.inputs) {
    const like = feed.kind === 'default' ? inputs.get(feed.like) : undefined;
    if (feed.kind !== 'default' || like === undefined) continue;
    const [samples = 1, length = 1] = like.shape;
    inputs.set(input.name, defaultValue(feed.value, type, samples, length));
  }
}

function labelsOf(
  match: DataMatch,
  { array, mask, shift }: LabelMatch,
  rows: ReadonlyMap<string, TensorValue>,
  indices: readonly number[],
  labelType: ElementType | undefined,
): Result<TensorValue> {
  const value = rows.get(array.name) ?? { type: array.type, shape: [0], data: new Float64Array(0) };
  const whole = !array.type.includes('float');
  const converted = converting(match, array, value, labelType ?? (whole ? 'int64' : 'float32'), indices);
  const masked = mask === null ? undefined : rows.get(mask.name);
  if (!converted.ok || (masked === undefined && !shift)) return converted;
  const kept = masked === undefined ? converted.value : ignoring(converted.value, masked);
  return success(shift ? shifted(kept) : kept);
}

/** Labels with −100 where the mask is 0. */
function ignoring({ type, shape, data }: TensorValue, mask: TensorValue): TensorValue {
  const kept = emptyArray(type, data.length);
  for (let i = 0; i < data.length; i++) {
    put(kept, i, Number(mask.data[i]) === 0 ? IGNORED : (data[i] ?? 0));
  }
  return { type, shape, data: kept };
}

/** At every position the label of the next one; −100 at the last, behind which nothing is known. */
function shifted({ type, shape, data }: TensorValue): TensorValue {
  const length = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
  const next = emptyArray(type, data.length);
  for (let i = 0; i < data.length; i++) {
    put(next, i, (i + 1) % length === 0 ? IGNORED : (data[i + 1] ?? 0));
  }
  return { type, shape, data: next };
}

function put(target: ValueArray, at: number, value: number | bigint): void {
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) target[at] = BigInt(value);
  else target[at] = Number(value);
}
