import type { TensorEntry } from '../format/checkpoint';
import { columnsOf, rowsOf, transposed, type Dense } from '../tensor/linear/dense';

/** Where the heads of one projection lie in a stored tensor. Plain data. */
export interface HeadPart {
  readonly entry: TensorEntry;
  /** How the tensor is stored: outputs × inputs, or inputs × outputs (Conv1D of GPT-2, kernels of Flax). */
  readonly stored: 'out-in' | 'in-out';
  /** What the heads divide: outputs in query, key and value; inputs in the output projection. */
  readonly axis: 'out' | 'in';
  /** First output (input) of each head; for key and value one per key/value head. */
  readonly starts: readonly number[];
  /** Outputs (inputs) of one head. */
  readonly size: number;
}

/** Outputs and inputs of a stored tensor of two or more dimensions. */
export function sidesOf(
  { span }: TensorEntry,
  stored: HeadPart['stored'],
): { readonly outputs: number; readonly inputs: number } {
  const first = span.shape[0] ?? 1;
  const rest = first > 0 ? span.count / first : 0;
  return stored === 'out-in' ? { outputs: first, inputs: rest } : { outputs: rest, inputs: first };
}

/**
 * The matrix of one head, outputs × inputs whatever is stored: `W_Q,h`, `W_K,h`, `W_V,h` are size × hidden, `W_O,h` is
 * hidden × size. `stored` is the whole tensor as it is on disk (rows × the rest). Where nothing has to be turned the
 * result is a view of the same memory.
 */
export function headMatrix(part: HeadPart, head: number, stored: Dense): Dense {
  const first = part.starts[head];
  if (first === undefined) throw new RangeError(`${part.entry.name} has no head ${String(head)}`);
  const end = first + part.size;
  if (part.stored === 'out-in') {
    return part.axis === 'out' ? rowsOf(stored, first, end) : columnsOf(stored, first, end);
  }
  return transposed(part.axis === 'out' ? columnsOf(stored, first, end) : rowsOf(stored, first, end));
}
