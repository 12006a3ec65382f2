import type { GgufValue } from './gguf-values';

/** Heads of linear attention: `keys` of queries and keys, `values` of values, and rows of one of each. */
export interface LinearHeads {
  readonly keys: number;
  readonly values: number;
  readonly keyRows: number;
  readonly valueRows: number;
}

/** How many heads a model has, as the metadata say; `null` where they do not. */
export interface HeadCounts {
  readonly queries: number | null;
  readonly keys: number | null;
  readonly linear: LinearHeads | null;
}

/** Head counts of an architecture. Those that differ from layer to layer count as unknown. */
export function headCounts(metadata: ReadonlyMap<string, GgufValue>, architecture: string): HeadCounts {
  const count = (key: string) => countOf(metadata.get(`${architecture}.${key}`));
  const queries = count('attention.head_count');
  const named = metadata.has(`${architecture}.attention.head_count_kv`);
  const [keys, values] = [count('ssm.group_count'), count('ssm.time_step_rank')];
  const [keyRows, inner] = [count('ssm.state_size'), count('ssm.inner_size')];
  const linear =
    keys === null || values === null || keyRows === null || inner === null
      ? null
      : { keys, values, keyRows, valueRows: inner / values };
  return { queries, keys: named ? count('attention.head_count_kv') : queries, linear };
}

function countOf(value: GgufValue | undefined): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}
