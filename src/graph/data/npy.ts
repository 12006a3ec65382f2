import { basename } from 'node:path';
import { withFile } from '../../format/read';
import { success, type Result } from '../../protocol/result';
import { dataSetOfArrays } from './arrays-in-file';
import { checkLength, fileRange, rest, type ByteRange } from './byte-range';
import type { DataFormat } from './data-set';
import { fingerprintOf } from './fingerprint';
import { NPY_PREFIX, npyDataStart, readNpyHeader, type NpyHeader } from './npy-header';

/**
 * The header of an array in NumPy's format at the start of a range; `name` is for messages and the layout. Checks that
 * the elements are all there.
 */
export function openNpy(range: ByteRange, name: string): Promise<Result<NpyHeader>> {
  return range.withBytes(async (read) => {
    const prefix = await read(0, Math.min(NPY_PREFIX, range.length));
    if (!prefix.ok) return prefix;
    const start = npyDataStart(prefix.value, range.path, name);
    if (!start.ok) return start;
    const whole = checkLength(range, start.value, `the header of ${name}`);
    if (!whole.ok) return whole;
    const bytes = await read(0, start.value);
    if (!bytes.ok) return bytes;
    const header = readNpyHeader(bytes.value, range.path, name);
    if (!header.ok) return header;
    const { dataStart, dataBytes } = header.value;
    const enough = checkLength(range, dataStart + dataBytes, name);
    return enough.ok ? header : enough;
  });
}

/** One array, which gets the name of the file. */
export const npy: DataFormat = {
  id: 'npy',
  title: 'one NumPy array',
  endings: ['.npy'],
  async open(path) {
    const file = await withFile(path, ({ bytes, modifiedMs }) =>
      Promise.resolve(success({ path, bytes, modifiedMs })),
    );
    if (!file.ok) return file;
    const range = fileRange(file.value, 0, file.value.bytes);
    const name = basename(path).replace(/\.npy$/i, '');
    const header = await openNpy(range, name);
    if (!header.ok) return header;
    const { layout, unreadable, dataStart } = header.value;
    const about = { path, format: 'npy', fingerprint: fingerprintOf(file.value, JSON.stringify(layout)) };
    if (unreadable !== null) return success(dataSetOfArrays(about, [], [{ name, reason: unreadable }]));
    return success(dataSetOfArrays(about, [{ layout, range: rest(range, dataStart) }], []));
  },
};
