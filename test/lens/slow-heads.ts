// Attention heads worked out slowly: whole hidden × hidden matrices as plain arrays of rows.
import type { HeadWeights } from '../../src/lens/head-weights';
import type { Dense } from '../../src/tensor/linear/dense';
import { slowSvd } from './slow-matrix';

export type Rows = number[][];

export function rowsFrom({ rows, columns, values }: Dense): Rows {
  return Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * columns, (i + 1) * columns)));
}

export function denseFrom(rows: Rows): Dense {
  return { rows: rows.length, columns: rows[0]?.length ?? 0, values: Float64Array.from(rows.flat()) };
}

export function turned(x: Rows): Rows {
  return (x[0] ?? []).map((_, j) => x.map((row) => row[j] ?? NaN));
}

export function times(x: Rows, y: Rows): Rows {
  return x.map((row) =>
    (y[0] ?? []).map((_, j) => row.reduce((sum, value, k) => sum + value * (y[k]?.[j] ?? NaN), 0)),
  );
}

export function norm(x: Rows): number {
  return Math.sqrt(x.flat().reduce((sum, value) => sum + value * value, 0));
}

export function inner(x: Rows, y: Rows): number {
  return x.flat().reduce((sum, value, at) => sum + value * (y.flat()[at] ?? NaN), 0);
}

/** W_QK and W_OV of one head, formed. */
export function formedHead(weights: HeadWeights, head: number): { qk: Rows; ov: Rows } {
  const { headSize, valueSize, heads, keyValueHeads } = weights;
  const group = Math.floor(head / (heads / keyValueHeads));
  const part = (stacked: Dense, index: number, size: number) =>
    rowsFrom(stacked).slice(index * size, (index + 1) * size);
  return {
    qk: times(turned(part(weights.query, head, headSize)), part(weights.key, group, headSize)),
    ov: times(turned(part(weights.output, head, valueSize)), part(weights.value, group, valueSize)),
  };
}

/** Singular value decomposition of a formed matrix; `left[k]` is the k-th left vector. */
export function slowDecomposition(x: Rows): { values: number[]; left: number[][]; right: number[][] } {
  return slowSvd(x.flat(), x.length, x[0]?.length ?? 0);
}

/** Normally distributed numbers from uniform ones. */
export function normalRows(rows: number, columns: number, random: () => number): Rows {
  return Array.from({ length: rows }, () =>
    Array.from(
      { length: columns },
      () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
    ),
  );
}

/** Heads with normally distributed weights. */
export function randomHeads(
  sizes: Pick<HeadWeights, 'heads' | 'keyValueHeads' | 'headSize'> & {
    readonly hidden: number;
    readonly valueSize?: number;
  },
  random: () => number,
): HeadWeights {
  const { heads, keyValueHeads, headSize, hidden, valueSize = headSize } = sizes;
  const normal = (rows: number) => denseFrom(normalRows(rows, hidden, random));
  return {
    heads,
    keyValueHeads,
    headSize,
    valueSize,
    query: normal(heads * headSize),
    key: normal(keyValueHeads * headSize),
    value: normal(keyValueHeads * valueSize),
    output: normal(heads * valueSize),
  };
}
