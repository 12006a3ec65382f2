import { rowsOf, type Dense } from '../tensor/linear/dense';
import type { Circuit } from './head-circuit';

/** The weights of one attention block in memory, heads one below the other in the rows. */
export interface HeadWeights {
  readonly heads: number;
  /** Divides `heads`: query heads h of one group share the key-value head ⌊h · keyValueHeads / heads⌋. */
  readonly keyValueHeads: number;
  /** Rows of one head in `query` and `key`. */
  readonly headSize: number;
  /** Rows of one head in `value` and `output`; other than `headSize` in a few networks. */
  readonly valueSize: number;
  /** heads·headSize × hidden. */
  readonly query: Dense;
  /** keyValueHeads·headSize × hidden. */
  readonly key: Dense;
  /** keyValueHeads·valueSize × hidden. */
  readonly value: Dense;
  /** W_O transposed, heads·valueSize × hidden. */
  readonly output: Dense;
}

/** The key-value head that a query head reads. */
export function groupOf(
  { heads, keyValueHeads }: Pick<HeadWeights, 'heads' | 'keyValueHeads'>,
  head: number,
): number {
  return Math.floor((head * keyValueHeads) / heads);
}

/** W_QK = W_Qᵀ·W_K of one head, for tokens at the same position where positions are rotary. */
export function qkCircuit(weights: HeadWeights, head: number): Circuit {
  const { query, key, headSize } = weights;
  return { left: headRows(query, head, headSize), right: headRows(key, groupOf(weights, head), headSize) };
}

/** W_OV = W_O·W_V of one head. */
export function ovCircuit(weights: HeadWeights, head: number): Circuit {
  const { output, value, valueSize } = weights;
  return {
    left: headRows(output, head, valueSize),
    right: headRows(value, groupOf(weights, head), valueSize),
  };
}

/** The rows of one head in a stack of heads, a view. */
export function headRows(stacked: Dense, head: number, size: number): Dense {
  return rowsOf(stacked, head * size, (head + 1) * size);
}

/** The weights with the gain γ of the norm before the attention in them: columns of W_Q, W_K and W_V times γ, copies. */
export function foldGain(weights: HeadWeights, gain: Float64Array | null): HeadWeights {
  const { query, key, value } = weights;
  return {
    ...weights,
    query: scaleColumns(query, gain),
    key: scaleColumns(key, gain),
    value: scaleColumns(value, gain),
  };
}

/** The columns of a matrix times γ, a copy; the matrix itself where there is no γ. */
export function scaleColumns(x: Dense, gain: Float64Array | null): Dense {
  if (!gain) return x;
  return { ...x, values: x.values.map((value, at) => value * (gain[at % x.columns] ?? 1)) };
}
