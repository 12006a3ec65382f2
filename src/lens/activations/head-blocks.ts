import type { TensorValue } from '../../graph/tensor-value';
import { numbersOf } from '../../graph/tensor-value';

/** A value with a matrix for every head of every sample: samples × heads × rows × columns, row-major. */
export interface HeadBlocks {
  readonly samples: number;
  readonly heads: number;
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/**
 * Reads `samples × heads × rows × columns`, or `(samples · heads) × rows × columns` as some exporters write it, of a run over
 * `samples` samples. `null` for any other shape.
 */
export function headBlocks(value: TensorValue, samples: number): HeadBlocks | null {
  const { shape } = value;
  const [first = 0, second = 0, third = 0, fourth = 0] = shape;
  if (shape.length === 4 && first === samples) {
    return { samples, heads: second, rows: third, columns: fourth, values: numbersOf(value) };
  }
  if (shape.length !== 3 || first % samples !== 0) return null;
  return { samples, heads: first / samples, rows: second, columns: third, values: numbersOf(value) };
}

/** The matrix of one head of one sample, a view of the same memory. */
export function blockOf(
  { heads, rows, columns, values }: HeadBlocks,
  sample: number,
  head: number,
): Float64Array {
  const size = rows * columns;
  const start = (sample * heads + head) * size;
  return values.subarray(start, start + size);
}
