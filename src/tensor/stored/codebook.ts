import type { Problem } from '../../protocol/result';
import { MOST_PACKED, PackedKernels } from '../wasm/packed-kernels';
import { fillFloats } from './float-elements';
import type { CodebookStore, ReadSpanBytes, StoredForm } from './stored';
import { wholeValues } from './whole-sources';

/** Numbers out of a table, times the largest size in their block: NF4, FP4, and scales that are quantised themselves. */
export const readCodebook: StoredForm<CodebookStore> = (stored, offset, target, read) => {
  const table = stored.table instanceof Array ? stored.table : wholeValues(stored.table, read);
  if ('code' in table) return table;
  const scales = wholeValues(stored.scales, read);
  if (!(scales instanceof Float64Array)) return scales;
  const kernels = PackedKernels.ofThread();
  return fillFloats(offset, target, (first, floats) =>
    kernels !== null && isForKernels(stored, table, first)
      ? byKernels(kernels, stored, table, scales, first, floats, read)
      : plainly(stored, table, scales, first, floats, read),
  );
};

/** The kernels take pairs of codes, and multiply in float32, which is exact enough where all is of that. */
function isForKernels(
  { bits, blockSize, shift, scales }: CodebookStore,
  table: ArrayLike<number>,
  first: number,
): boolean {
  if (bits !== 4 || shift !== 0 || table.length !== 16 || first % 2 !== 0 || blockSize % 2 !== 0)
    return false;
  return !/^[IU]|^F64/.test(scales.dtype) && Array.from(table).every((entry) => Math.fround(entry) === entry);
}

function byKernels(
  kernels: PackedKernels,
  { codes, blockSize }: CodebookStore,
  table: ArrayLike<number>,
  scales: Float64Array,
  first: number,
  target: Float32Array,
  read: ReadSpanBytes,
): Problem | null {
  const entries = Float32Array.from(table);
  let done = 0;
  while (done < target.length) {
    const most = Math.min(MOST_PACKED, target.length - done);
    let count = 0;
    kernels.start();
    while (count < most) {
      const element = first + done + count;
      const block = Math.floor(element / blockSize);
      const length = Math.min((block + 1) * blockSize - element, most - count);
      if (!kernels.add(0, scales[block] ?? Number.NaN, length)) break;
      count += length;
    }
    const bytes = kernels.codes.subarray(0, Math.ceil(count / 2));
    const problem = read(codes, (first + done) / 2, bytes);
    if (problem !== null) return problem;
    kernels.lookUp(entries);
    target.set(kernels.values.subarray(0, count), done);
    done += count;
  }
  return null;
}

function plainly(
  { bits, codes, blockSize, shift }: CodebookStore,
  table: ArrayLike<number>,
  scales: Float64Array,
  first: number,
  target: Float32Array,
  read: ReadSpanBytes,
): Problem | null {
  const start = bits === 4 ? Math.floor(first / 2) : first;
  const end = bits === 4 ? Math.ceil((first + target.length) / 2) : first + target.length;
  const bytes = new Uint8Array(end - start);
  const problem = read(codes, start, bytes);
  if (problem !== null) return problem;
  for (let i = 0; i < target.length; i++) {
    const element = first + i;
    const byte = bytes[bits === 4 ? Math.floor(element / 2) - start : i] as number;
    const code = bits === 8 ? byte : element % 2 === 0 ? byte >> 4 : byte & 15;
    const scale = scales[Math.floor(element / blockSize)] ?? Number.NaN;
    // Rounded after the product and after the sum, as the library does in float32.
    target[i] = Math.fround((table[code] ?? Number.NaN) * scale) + shift;
  }
  return null;
}
