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
export function groupOf({ heads, keyValueHeads }: HeadWeights, head: number): number {
  return Math.floor((head * keyValueHeads) / heads);
}

/** W_Q of one head, a view. */
export function queryOf({ query, headSize }: HeadWeights, head: number): Dense {
  return rowsOf(query, head * headSize, (head + 1) * headSize);
}

/** W_K of one key-value head, a view. */
export function keyOf({ key, headSize }: HeadWeights, group: number): Dense {
  return rowsOf(key, group * headSize, (group + 1) * headSize);
}

/** W_V of one key-value head, a view. */
export function valueOf({ value, valueSize }: HeadWeights, group: number): Dense {
  return rowsOf(value, group * valueSize, (group + 1) * valueSize);
}

/** W_Oᵀ of one head, a view. */
export function outputOf({ output, valueSize }: HeadWeights, head: number): Dense {
  return rowsOf(output, head * valueSize, (head + 1) * valueSize);
}

/** W_QK = W_Qᵀ·W_K of one head, for tokens at the same position where positions are rotary. */
export function qkCircuit(weights: HeadWeights, head: number): Circuit {
  return { left: queryOf(weights, head), right: keyOf(weights, groupOf(weights, head)) };
}

/** W_OV = W_O·W_V of one head. */
export function ovCircuit(weights: HeadWeights, head: number): Circuit {
  return { left: outputOf(weights, head), right: valueOf(weights, groupOf(weights, head)) };
}
