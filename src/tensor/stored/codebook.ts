import { fillFloats } from './float-elements';
import type { CodebookStore, StoredForm } from './stored';
import { wholeValues } from './whole-sources';

/** Numbers out of a table, times the largest size in their block: NF4, FP4, and scales that are quantised themselves. */
export const readCodebook: StoredForm<CodebookStore> = (stored, offset, target, read) => {
  const { bits, codes, blockSize, shift } = stored;
  const table = stored.table instanceof Array ? stored.table : wholeValues(stored.table, read);
  if ('code' in table) return table;
  const scales = wholeValues(stored.scales, read);
  if (!(scales instanceof Float64Array)) return scales;
  return fillFloats(offset, target, (first, floats) => {
    const start = bits === 4 ? Math.floor(first / 2) : first;
    const end = bits === 4 ? Math.ceil((first + floats.length) / 2) : first + floats.length;
    const bytes = new Uint8Array(end - start);
    const problem = read(codes, start, bytes);
    if (problem !== null) return problem;
    for (let i = 0; i < floats.length; i++) {
      const element = first + i;
      const byte = bytes[bits === 4 ? Math.floor(element / 2) - start : i] as number;
      const code = bits === 8 ? byte : element % 2 === 0 ? byte >> 4 : byte & 15;
      const scale = scales[Math.floor(element / blockSize)] ?? Number.NaN;
      // Rounded after the product and after the sum, as the library does in float32.
      floats[i] = Math.fround((table[code] ?? Number.NaN) * scale) + shift;
    }
    return null;
  });
};
