import { readSpan } from '../format/read';
import { scaleOf, type AdapterConfig } from '../model/adapter';
import type { TensorEntry } from '../format/checkpoint';
import { decode } from '../tensor/decode';
import type { LowRankDelta } from '../tensor/pass';
import type { ModuleFactors } from './adapter-factors';

/** Reads the change s·B·A of one module as its factors; `null` where they have no product or cannot be read. */
export async function deltaOf(module: ModuleFactors, config: AdapterConfig): Promise<LowRankDelta | null> {
  const { a, b } = module;
  if (a?.span.shape.length !== 2 || b?.span.shape.length !== 2) return null;
  const [rank = 0, columns = 0] = a.span.shape;
  const [rows = 0, inner = 0] = b.span.shape;
  if (rank !== inner || rank === 0) return null;
  const [readA, readB] = [await valuesOf(a), await valuesOf(b)];
  if (readA === null || readB === null) return null;
  return { scale: scaleOf(config, module.module).scale, a: readA, b: readB, rows, columns, rank };
}

async function valuesOf({ span }: TensorEntry): Promise<Float64Array | null> {
  const bytes = await readSpan(span);
  return bytes.ok ? decode(span.dtype, bytes.value, span.count) : null;
}

/** Bytes of all factors together. */
export function factorBytes(factors: Iterable<ModuleFactors>): number {
  let bytes = 0;
  for (const { a, b } of factors) bytes += (a?.span.bytes ?? 0) + (b?.span.bytes ?? 0);
  return bytes;
}
