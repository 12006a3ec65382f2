import { quoted } from '../../format/problems';
import { success, type Result } from '../../protocol/result';
import type { TensorValue } from '../tensor-value';
import type { ByteRange } from './byte-range';
import type { DataSet, UnreadableArray } from './data-set';
import { refuse } from './problems';
import { readRows, type ArrayLayout } from './rows';

/** An array and the bytes that its elements lie in. */
export interface PlacedArray {
  readonly layout: ArrayLayout;
  readonly range: ByteRange;
}

/** A data set of arrays that lie in a file as they are: what every format of whole arrays becomes. */
export function dataSetOfArrays(
  about: Pick<DataSet, 'path' | 'format' | 'fingerprint'>,
  placed: readonly PlacedArray[],
  unreadable: readonly UnreadableArray[],
): DataSet {
  const byName = new Map(placed.map((array) => [array.layout.name, array]));
  return {
    ...about,
    arrays: placed.map(({ layout: { name, type, shape } }) => ({ name, type, shape })),
    unreadable,
    rows: async (names, indices, { signal } = {}) => {
      const values = new Map<string, TensorValue>();
      for (const name of names) {
        const array = byName.get(name);
        if (array === undefined) return refuseName(about.path, name, [...byName.keys()], unreadable);
        const value = await readRows(array.range, array.layout, indices, signal);
        if (!value.ok) return value;
        values.set(name, value.value);
      }
      return success(values);
    },
  };
}

const MOST_LISTED = 20;

/** Names for a message, the first twenty. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).map(quoted).join(', ');
  return names.length > MOST_LISTED ? `${shown} and ${String(names.length - MOST_LISTED)} more` : shown;
}

/** The problem of a name that no array has, or whose array cannot be read. */
export function refuseName(
  path: string,
  name: string,
  names: readonly string[],
  unreadable: readonly UnreadableArray[],
): Result<never> {
  const found = unreadable.find((array) => array.name === name);
  if (found) {
    return refuse('data-array-type', path, `${path}: ${quoted(name)} cannot be read: ${found.reason}.`, name);
  }
  const there = names.length === 0 ? 'it has none that can be read' : `it has ${listed(names)}`;
  return refuse('data-array-missing', path, `${path} has no array ${quoted(name)}; ${there}.`, name);
}
