import type { Problem } from '../../protocol/result';
import type { ReadSpanBytes, ShuffledStore, StoredForm } from './stored';
import { wholeSource } from './whole-sources';

/**
 * Elements whose bytes were sorted by their place: all first bytes, then all second ones, … (HDF5's shuffle filter). Bytes
 * behind the last whole element stay where they are.
 */
export const readShuffled: StoredForm<ShuffledStore> = (stored, offset, target, read) => {
  const whole = wholeSource(stored, read, (from) => unshuffle(stored, from));
  if (!(whole instanceof Uint8Array)) return whole;
  target.set(whole.subarray(offset, offset + target.length));
  return null;
};

function unshuffle({ size, source }: ShuffledStore, read: ReadSpanBytes): Uint8Array | Problem {
  const bytes = new Uint8Array(source.bytes);
  const problem = read(source, 0, bytes);
  if (problem !== null) return problem;
  const count = Math.floor(bytes.length / size);
  const out = bytes.slice();
  for (let byte = 0; byte < size; byte++) {
    const from = byte * count;
    for (let i = 0; i < count; i++) out[i * size + byte] = bytes[from + i] as number;
  }
  return out;
}
