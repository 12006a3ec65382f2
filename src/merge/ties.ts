import type { TensorEntry } from '../format/checkpoint';
import { placeOf } from '../model/naming';
import { spanKey } from '../tensor/span';

/** A tensor that has the values of another one. */
export interface Tied {
  readonly name: string;
  /** The tensor that is written. */
  readonly as: string;
}

/**
 * Tensors by whether another one has the very same values in the very same place of the file. Of a token embedding and the
 * output head that is tied to it the embedding stays, as models expect; of others the first name in alphabetical order.
 */
export function withoutTies(tensors: readonly TensorEntry[]): {
  readonly kept: readonly TensorEntry[];
  readonly tied: readonly Tied[];
} {
  const groups = new Map<string, TensorEntry[]>();
  for (const entry of tensors) {
    const { bytes, shape, memory } = entry.span;
    // Empty tensors share nothing, and those gathered into memory are copies.
    const key = memory || bytes === 0 ? entry.name : `${spanKey(entry.span)} ${shape.join('x')}`;
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  const tied: Tied[] = [];
  const left = new Set<TensorEntry>();
  for (const group of groups.values()) {
    const [keeps, ...others] = [...group].sort(byPreference);
    for (const entry of others) {
      left.add(entry);
      tied.push({ name: entry.name, as: keeps?.name ?? '' });
    }
  }
  return { kept: tensors.filter((entry) => !left.has(entry)), tied };
}

function byPreference(a: TensorEntry, b: TensorEntry): number {
  const heads = Number(isHead(a)) - Number(isHead(b));
  return heads !== 0 ? heads : a.name < b.name ? -1 : 1;
}

function isHead({ name }: TensorEntry): boolean {
  return placeOf(name).module === 'head';
}
