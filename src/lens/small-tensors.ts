import type { TensorEntry } from '../format/checkpoint';
import { success, type Result } from '../protocol/result';
import type { LensContext } from './lens';
import { readMatrices } from './matrix-pass';

/** Values of some tensors as float64 in C order. */
export interface SmallTensors {
  readonly valuesOf: (entry: TensorEntry) => Float64Array;
  readonly bytesRead: number;
}

/**
 * Reads tensors that are small enough to be held all at once, every one once however often it is named. Fails as reading
 * does, or with `cancelled`.
 */
export async function readSmallTensors(
  entries: readonly TensorEntry[],
  context: LensContext,
  message: string,
): Promise<Result<SmallTensors>> {
  const distinct = [...new Set(entries)].filter(({ span }) => span.count > 0);
  const values = new Map<TensorEntry, Float64Array>();
  const read = await readMatrices(
    distinct.map(({ span }) => ({
      operation: { kind: 'values' as const },
      load: () =>
        Promise.resolve(
          success({ rows: 1, columns: span.count, terms: [{ kind: 'tensor' as const, weight: 1, span }] }),
        ),
    })),
    context,
    (outcome, index) => {
      const entry = distinct[index];
      if (entry && outcome.values) values.set(entry, outcome.values);
    },
    message,
  );
  if (!read.ok) return read;
  return success({
    valuesOf: (entry) => values.get(entry) ?? new Float64Array(entry.span.count),
    bytesRead: distinct.reduce((sum, { span }) => sum + span.bytes, 0),
  });
}
