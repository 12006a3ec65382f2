import type { TensorSpan } from '../tensor/span';
import type { LinearHeads } from './gguf-heads';
import { inGroups, joined, rowsOf, viewOf } from './gguf-spans';

/**
 * Value heads that share a head of keys, next to each other again: rows [values of a key, keys, …] on disk are [keys, values
 * of a key, …] in the checkpoint. `null` where rows do not divide so.
 */
export function valuesTogether(span: TensorSpan, heads: LinearHeads | null): TensorSpan | null {
  const [rows = 1] = span.shape;
  const shared = sharedOf(heads);
  if (heads === null || shared === null || rows % heads.values !== 0) return null;
  if (shared === 1) return span;
  const length = span.count / heads.values;
  return viewOf(span, [heads.keys, shared, length], [length, heads.keys * length, 1], span.shape);
}

/** The same of the rows behind those of queries and keys. */
export function valuesBehind(span: TensorSpan, heads: LinearHeads | null): TensorSpan | null {
  const [rows = 1, ...rest] = span.shape;
  if (heads === null || sharedOf(heads) === null) return null;
  if (sharedOf(heads) === 1) return span;
  const front = 2 * heads.keys * heads.keyRows;
  const values = rows - front;
  if (values <= 0) return null;
  const before = rowsOf(span, 0, front, rows, [front, ...rest]);
  const behind = rowsOf(span, front, values, rows, [values, ...rest]);
  const sorted = behind && valuesTogether(behind, heads);
  return before && sorted && joined([before, sorted], span.shape);
}

/** The same of columns. */
export function columnsOfValues(span: TensorSpan, heads: LinearHeads | null): TensorSpan | null {
  const [rows = 1, columns = 1] = span.shape;
  const shared = sharedOf(heads);
  if (heads === null || shared === null || columns % heads.values !== 0) return null;
  if (shared === 1) return span;
  const length = columns / heads.values;
  return viewOf(
    span,
    [rows, heads.keys, shared, length],
    [columns, length, heads.keys * length, 1],
    span.shape,
  );
}

/** Queries, keys, values and gates, head of keys by head of keys, out of all queries, keys and values, and all gates. */
export function withGates([qkv, gates]: readonly TensorSpan[], heads: LinearHeads | null): TensorSpan | null {
  if (qkv === undefined || gates === undefined || heads === null) return null;
  const [all = 1, width = 1] = qkv.shape;
  const queries = heads.keys * heads.keyRows;
  const values = all - 2 * queries;
  if (values !== gates.shape[0]) return null;
  const part = (first: number, count: number) => rowsOf(qkv, first, count, all, [count, width]);
  const parts = [part(0, queries), part(queries, queries), part(2 * queries, values)];
  const known = parts.filter((each) => each !== null);
  return known.length < 3 ? null : inGroups([...known, gates], heads.keys, [all + values, width]);
}

function sharedOf(heads: LinearHeads | null): number | null {
  const shared = (heads?.values ?? 0) / (heads?.keys ?? 1);
  return Number.isInteger(shared) && shared > 0 ? shared : null;
}
