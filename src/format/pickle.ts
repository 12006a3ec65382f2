import { success, type Result } from '../protocol/result';
import { PickleError, PickleReader, type PickleGlobal } from './pickle-reader';
import type { Pickled } from './pickled';
import { refuse } from './problems';

export { PickledObject, PickledSparse, PickledTensor, type Pickled } from './pickled';
export type { PickleGlobal } from './pickle-reader';

/** A pickle as data. */
export interface PickleContent {
  readonly value: Pickled;
  /** Every class and function that it names. */
  readonly globals: readonly PickleGlobal[];
  /** Classes of the storages that it refers to, by key: `FloatStorage`. */
  readonly storages: ReadonlyMap<string, string>;
  /** How many elements each of them is said to have. */
  readonly storageElements: ReadonlyMap<string, number>;
  /** Offset behind its last byte: files may hold several, one after the other. */
  readonly end: number;
}

/**
 * Reads a pickle of protocol 0 to 5 as data (instructions as Python's pickletools documents them). Nothing is imported or
 * called: of all globals only torch's tensors and dictionaries mean something, every other becomes a
 * {@link PickledObject} with its name. `from` is where it begins, `resolve` gives
 * what a persistent id stands for. Fails with `pickle-malformed` for bytes that break off,
 * contradict themselves or hold instructions that no trainer writes.
 */
export function readPickleContent(
  bytes: Uint8Array,
  path: string,
  from = 0,
  resolve?: (id: Pickled) => Pickled,
): Result<PickleContent> {
  const reader = new PickleReader(bytes, from, resolve);
  try {
    const value = reader.read();
    const { globals, storages, storageElements, position: end } = reader;
    return success({ value, globals, storages, storageElements, end });
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    const at = `byte ${String(error.at)}`;
    return refuse('pickle-malformed', path, `${path}: the pickle in it ${error.message} (${at}).`, at);
  }
}

/**
 * The classes and functions that pickles in some bytes name, one pickle behind the other, up to where they can no longer be
 * read: what stands before that would be called nevertheless. `pickles` counts the whole ones.
 */
export function scanPickles(bytes: Uint8Array): { globals: readonly PickleGlobal[]; pickles: number } {
  // A list of lists: as arguments of one call they would be more than the stack has room for.
  const found: (readonly PickleGlobal[])[] = [];
  let pickles = 0;
  for (let at = 0; at < bytes.length; pickles++) {
    const reader = new PickleReader(bytes, at);
    try {
      reader.read();
    } catch (error) {
      if (!(error instanceof PickleError)) throw error;
      found.push(reader.globals);
      break;
    }
    found.push(reader.globals);
    at = reader.position;
  }
  return { globals: found.flat(), pickles };
}

/** {@link readPickleContent}, of which only the value is wanted. */
export function readPickle(bytes: Uint8Array, path: string): Result<Pickled> {
  const content = readPickleContent(bytes, path);
  return content.ok ? success(content.value.value) : content;
}
