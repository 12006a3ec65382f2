import type { Finding } from '../protocol/finding';
import { scanPickles } from './pickle';
import { globalFindings } from './pickle-globals';
import { formatFinding, quoted } from './problems';

/** So many bytes of pickled arrays are looked through for what they name, in all arrays of a file together. */
export const LARGEST_PICKLED = 2 ** 26;

/** Findings of an array of Python objects: that it is left out, and what loading it in Python would call. */
export function pickledArrayFindings(
  path: string,
  name: string,
  pickle: Uint8Array,
  start: number,
): Finding[] {
  const message = `${path}: the array ${quoted(name)} is left out, because its elements are pickled Python objects.`;
  return [
    formatFinding('array-pickled', path, message, name),
    ...globalFindings(path, scanPickles(pickle).globals, start),
  ];
}
