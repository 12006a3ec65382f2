import { success, type Result } from '../../protocol/result';
import { dataSetOfArrays, type PlacedArray } from './arrays-in-file';
import { fileRange, rest, type ByteRange, type FileState } from './byte-range';
import type { DataFormat, UnreadableArray } from './data-set';
import { fingerprintOf } from './fingerprint';
import { inflatedRange, packingReason } from './inflated-range';
import { openNpy } from './npy';
import { openZip, type ZipEntry } from '../../format/zip-directory';

/** Unpacked arrays of one file are kept up to this size in all; what is beyond is unpacked again for every call. */
const MOST_KEPT_BYTES = 2 ** 28;

/** NumPy's archive of arrays: a zip of .npy files, stored or deflated. */
export const npz: DataFormat = {
  id: 'npz',
  title: 'NumPy arrays by name',
  endings: ['.npz'],
  async open(path) {
    const listed = await openZip(path);
    if (!listed.ok) return listed;
    const { file, entries } = listed.value;
    const arrays: PlacedArray[] = [];
    const unreadable: UnreadableArray[] = [];
    const budget = { left: MOST_KEPT_BYTES };
    for (const entry of entries) {
      if (!entry.name.endsWith('.npy')) continue;
      const opened = await openEntry(file, entry, budget);
      if (!opened.ok) return opened;
      if ('reason' in opened.value) unreadable.push(opened.value);
      else arrays.push(opened.value);
    }
    const directory = entries.map(({ name, crc, bytes }) => `${name} ${String(crc)} ${String(bytes)}\n`);
    const about = { path, format: 'npz', fingerprint: fingerprintOf(file, ...directory) };
    return success(dataSetOfArrays(about, arrays, unreadable));
  },
};

async function openEntry(
  file: FileState,
  entry: ZipEntry,
  budget: Budget,
): Promise<Result<PlacedArray | UnreadableArray>> {
  const name = entry.name.slice(0, -'.npy'.length);
  const packing = packingReason(entry);
  if (packing !== null) return success({ name, reason: packing });
  const stored = entry.method === 0;
  const range = stored ? fileRange(file, entry.start, entry.bytes) : inflatedRange(file, entry);
  const header = await openNpy(range, name);
  if (!header.ok) return header;
  const { layout, unreadable, dataStart } = header.value;
  if (unreadable !== null) return success({ name, reason: unreadable });
  return success({ layout, range: rest(stored ? range : keptRange(range, budget), dataStart) });
}

interface Budget {
  left: number;
}

/** `range`, which is read whole and kept the first time that anything is asked of it, where the budget allows that. */
function keptRange(range: ByteRange, budget: Budget): ByteRange {
  let kept: Uint8Array | null = null;
  return {
    path: range.path,
    length: range.length,
    async withBytes(use) {
      if (kept === null && range.length <= budget.left) {
        const whole = await range.withBytes((read) => read(0, range.length));
        if (!whole.ok) return whole;
        // Another call may have been first while this one was waiting.
        if (kept === null) budget.left -= range.length;
        kept = whole.value;
      }
      const bytes = kept;
      if (bytes === null) return range.withBytes(use);
      return use((offset, length) => Promise.resolve(success(bytes.subarray(offset, offset + length))));
    },
  };
}
