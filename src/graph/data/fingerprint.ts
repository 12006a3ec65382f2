import { createHash } from 'node:crypto';
import type { FileState } from './byte-range';

/** Identifies the state of a data file: size, time of modification, and what its directory says. 32 hexadecimal digits. */
export function fingerprintOf(
  { bytes, modifiedMs }: FileState,
  ...directory: readonly (string | Uint8Array)[]
): string {
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}\n`);
  for (const part of directory) hash.update(part);
  return hash.digest('hex').slice(0, 32);
}
