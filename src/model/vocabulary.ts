import type { TensorEntry } from '../format/checkpoint';
import { placeOf } from './naming';

const MODULES = new Set(['embedding.token', 'head']);

/** The matrices with one row per token (or class): token embeddings and output heads, in the order of the file. */
export function vocabularyMatrices(tensors: readonly TensorEntry[]): TensorEntry[] {
  return tensors.filter(
    ({ name, span }) => MODULES.has(placeOf(name).module) && span.shape.length === 2 && span.count > 0,
  );
}
