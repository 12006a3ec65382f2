import { bytesFor } from '../tensor/decode';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { HeadCounts } from './gguf-heads';
import { columnsOfValues, valuesBehind, valuesTogether } from './gguf-linear-heads';
import { inGroups, lessOne, MOST_GROUPS, logarithm, reshaped, rowsOf, turned, viewOf } from './gguf-spans';

/**
 * What conversion did to a tensor (`modify_tensors` of llama.cpp's converters,
 * https://github.com/ggml-org/llama.cpp/tree/master/conversion), by how it stands in the file.
 *
 * - `query pairs`, `key pairs`: rows of every head in pairs: llama.cpp's rotary embedding turns neighbours where that of
 *   transformers turns the two halves of a head (`LlamaModel.permute`).
 * - `plus one`: norms whose module multiplies by 1 + w.
 * - `transposed`: GPT-2's Conv1D, which has inputs first.
 * - `negative exponential`: A of state-space models, −exp(A_log).
 * - `flat`, `middle axis`, `one row`: axes of length 1 that were added to [n], or left out of [n, 1, k] or [1, n].
 * - `heads apart`: rows of queries, keys and values of every head (BLOOM, GPT-NeoX) sorted to all queries, keys, values.
 * - `groups apart`: the same where several queries share a key and a value (Falcon).
 * - `values apart`, `values apart behind`, `value columns apart`: values of linear attention that share a head of keys stand
 *   apart: in all rows, in those behind queries and keys, in columns (`_reorder_v_heads` of Qwen3.5).
 * - `rows together`: [experts, rows, columns] of what is [experts · rows, columns].
 */
export type GgufChange =
  | 'query pairs'
  | 'key pairs'
  | 'plus one'
  | 'transposed'
  | 'negative exponential'
  | 'flat'
  | 'middle axis'
  | 'one row'
  | 'heads apart'
  | 'groups apart'
  | 'values apart'
  | 'values apart behind'
  | 'value columns apart'
  | 'rows together';

/** Changes of the order of rows: those that biases and the factors B of adapters have, too. */
const OF_ROWS: ReadonlySet<GgufChange> = new Set([
  'query pairs',
  'key pairs',
  'heads apart',
  'groups apart',
  'values apart',
  'values apart behind',
]);

/** Those that a vector of a bias can have had. */
export function changesOfBias(changes: readonly GgufChange[]): readonly GgufChange[] {
  return changes.filter((change) => OF_ROWS.has(change));
}

/** Whether a change leaves the product of factors to be undone in the factor B alone. */
export function isOfRows(change: GgufChange): boolean {
  return OF_ROWS.has(change);
}

/** The tensor as it was before conversion; `null` where it does not have the shape that the change makes. */
export function undone(
  span: TensorSpan,
  change: GgufChange,
  heads: HeadCounts,
): TensorSpan | 'heads unknown' | null {
  const { shape } = span;
  const [rows = 1] = shape;
  switch (change) {
    case 'query pairs':
    case 'key pairs':
      return unpaired(span, change === 'query pairs' ? heads.queries : heads.keys);
    case 'plus one':
      return lessOne(span);
    case 'transposed':
      return shape.length === 2 ? turned(span) : shape.length === 3 ? eachTurned(span) : null;
    case 'negative exponential':
      return logarithm(span);
    case 'flat':
      return reshaped(span, [span.count]);
    case 'middle axis':
      return shape.length === 2 ? reshaped(span, [rows, 1, ...shape.slice(1)]) : null;
    case 'one row':
      return shape.length === 1 ? reshaped(span, [1, rows]) : null;
    case 'rows together':
      return shape.length === 3 ? reshaped(span, [rows * (shape[1] ?? 1), shape[2] ?? 1]) : null;
    case 'values apart':
      return valuesTogether(span, heads.linear);
    case 'values apart behind':
      return valuesBehind(span, heads.linear);
    case 'value columns apart':
      return columnsOfValues(span, heads.linear);
    case 'heads apart':
    case 'groups apart':
      return withHeadsTogether(span, heads, change === 'heads apart');
  }
}

/** Rows of every head from pairs back to halves; also of queries, keys and values in one. */
function unpaired(span: TensorSpan, heads: number | null): TensorSpan | 'heads unknown' {
  const [rows = 1] = span.shape;
  const headRows = rows / (heads ?? Number.NaN);
  if (!Number.isInteger(headRows) || headRows === 0 || headRows % 2 !== 0) return 'heads unknown';
  const rowBytes = bytesFor(span.dtype, span.count / rows);
  const { label, offset, bytes } = placeInFile(span);
  return {
    ...span,
    offset: 0,
    stored: { kind: 'paired', label, offset, bytes, rowBytes, headRows, source: span },
  };
}

/** Queries, keys and values of head after head (or group after group), out of all queries, all keys, all values. */
function withHeadsTogether(
  span: TensorSpan,
  heads: HeadCounts,
  areAlike: boolean,
): TensorSpan | 'heads unknown' | null {
  const { queries } = heads;
  const keys = areAlike ? queries : heads.keys;
  if (queries === null || keys === null) return 'heads unknown';
  const [rows = 1, ...rest] = span.shape;
  const all = queries + 2 * keys;
  const part = (first: number, count: number) =>
    rowsOf(span, first, count, all, [(rows / all) * count, ...rest]);
  const parts = [part(0, queries), part(queries, keys), part(queries + keys, keys)];
  const known = parts.filter((each) => each !== null);
  return known.length < 3 ? null : inGroups(known, keys, span.shape);
}

/** Every matrix of a stack with its axes exchanged. */
function eachTurned(span: TensorSpan): TensorSpan | null {
  const [count = 1, rows = 1, columns = 1] = span.shape;
  if (count > MOST_GROUPS) return null;
  const parts = Array.from({ length: count }, (_, index) =>
    rowsOf(span, index, 1, count, [rows, columns]),
  ).filter((each) => each !== null);
  if (parts.length < count) return null;
  if (span.stored === undefined) {
    return viewOf(span, [count, columns, rows], [rows * columns, 1, columns]);
  }
  return inGroups(parts.map(turned), 1, [count, columns, rows]);
}
