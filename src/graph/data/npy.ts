import { basename } from 'node:path';
import { NPY_PREFIX, npyDataStart, readNpyHeader, type NpyFault } from '../../format/npy-header';
import { withFile } from '../../format/read';
import { success, type Result } from '../../protocol/result';
import { elementTypeOf } from '../../format/onnx/element-types';
import { dataSetOfArrays } from './arrays-in-file';
import { checkLength, fileRange, rest, type ByteRange } from './byte-range';
import type { DataFormat } from './data-set';
import { fingerprintOf } from './fingerprint';
import { refuse } from './problems';
import type { ArrayLayout } from './rows';
import { isComplex } from '../../tensor/dtype';

/** An array of a range: its layout, why it cannot be read (`null` where it can), and where its elements begin. */
export interface NpyArray {
  readonly layout: ArrayLayout;
  readonly unreadable: string | null;
  readonly dataStart: number;
}

/**
 * The header of an array in NumPy's format at the start of a range; `name` is for messages and the layout. Checks that
 * the elements are all there. Fails with `data-malformed` or `data-too-large`.
 */
export function openNpy(range: ByteRange, name: string): Promise<Result<NpyArray>> {
  return range.withBytes<NpyArray>(async (read) => {
    const prefix = await read(0, Math.min(NPY_PREFIX, range.length));
    if (!prefix.ok) return prefix;
    const start = npyDataStart(prefix.value);
    if (!start.ok) return refuseFault(range.path, name, start.fault);
    const whole = checkLength(range, start.value, `the header of ${name}`);
    if (!whole.ok) return whole;
    const bytes = await read(0, start.value);
    if (!bytes.ok) return bytes;
    const header = readNpyHeader(bytes.value);
    if (!header.ok) return refuseFault(range.path, name, header.fault);
    const { dtype, shape, firstFastest, bigEndian, unreadable, dataStart, dataBytes } = header.value;
    const type = dtype === null || isComplex(dtype) ? undefined : elementTypeOf(dtype);
    const layout = { name, type: type ?? 'uint8', shape, firstFastest, bigEndian };
    if (type === undefined) {
      return success({ layout, unreadable: unreadable ?? 'its elements are complex numbers', dataStart });
    }
    const enough = checkLength(range, dataStart + dataBytes, name);
    return enough.ok ? success({ layout, unreadable: null, dataStart }) : enough;
  });
}

function refuseFault(path: string, name: string, { what, at, tooLarge }: NpyFault): Result<never> {
  return refuse(tooLarge ? 'data-too-large' : 'data-malformed', path, `${path}: ${name} ${what}.`, at);
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
