import type { Problem } from '../../protocol/result';
import { bytesFor, decoder } from '../decode';
import { fillFloats } from './float-elements';
import type { ReadSpanBytes, ScaledStore, StoredForm } from './stored';
import { wholeValues } from './whole-sources';

/** What stands beside the codes, in memory. */
interface Scales {
  readonly scales: Float64Array;
  readonly zeros: Float64Array | null;
  readonly shifts: Float64Array | null;
  readonly groups: Float64Array | null;
  /** `factor`, with the overall scale in it. */
  readonly factor: number;
}

/** Block-scaled numbers: FP8 with scales a block, FP4 with shared exponents, integers with scales and zero points. */
export const readScaled: StoredForm<ScaledStore> = (stored, offset, target, read) => {
  const scales = scalesOf(stored, read);
  if ('code' in scales) return scales;
  return fillFloats(offset, target, (first, floats) => {
    const codes = codesOf(stored, first, floats.length, read);
    if (!(codes instanceof Float64Array)) return codes;
    scale(stored, scales, first, codes, floats);
    return null;
  });
};

function scalesOf(stored: ScaledStore, read: ReadSpanBytes): Scales | Problem {
  const scales = wholeValues(stored.scales, read);
  if (!(scales instanceof Float64Array)) return scales;
  const zeros = stored.zeros && wholeValues(stored.zeros, read);
  if (zeros && !(zeros instanceof Float64Array)) return zeros;
  const shifts = stored.shifts ? wholeValues(stored.shifts, read) : null;
  if (shifts && !(shifts instanceof Float64Array)) return shifts;
  const groups = stored.groups && wholeValues(stored.groups, read);
  if (groups && !(groups instanceof Float64Array)) return groups;
  if (!stored.overall) return { scales, zeros, shifts, groups, factor: stored.factor };
  const overall = wholeValues(stored.overall.span, read);
  if (!(overall instanceof Float64Array)) return overall;
  const [value = Number.NaN] = overall;
  const factor = stored.overall.divides ? stored.factor / value : stored.factor * value;
  return { scales, zeros, shifts, groups, factor };
}

/** Codes `first … first + count − 1` as numbers. */
function codesOf(
  { codes: { dtype }, codes }: ScaledStore,
  first: number,
  count: number,
  read: ReadSpanBytes,
): Float64Array | Problem {
  // Of types narrower than a byte two or more elements share one: begin with a whole number of bytes.
  const before = first % 8;
  const start = bytesFor(dtype, first - before);
  const bytes = new Uint8Array(bytesFor(dtype, first + count) - start);
  const problem = read(codes, start, bytes);
  if (problem !== null) return problem;
  const values = new Float64Array(count);
  decoder(dtype, bytes)(before, count, values);
  return values;
}

function scale(
  { rows, columns, block: [blockRows, blockColumns], zero, groupCount }: ScaledStore,
  { scales, zeros, shifts, groups, factor }: Scales,
  first: number,
  codes: Float64Array,
  target: Float32Array,
): void {
  const blockRowCount = Math.ceil(rows / blockRows);
  let done = 0;
  while (done < codes.length) {
    const row = Math.floor((first + done) / columns);
    const column = first + done - row * columns;
    const matrix = Math.floor(row / rows);
    const blockRow = matrix * blockRowCount + Math.floor((row - matrix * rows) / blockRows);
    const group = groups ? (groups[column] as number) : Math.floor(column / blockColumns);
    const at = blockRow * groupCount + group;
    const by = (scales[at] ?? Number.NaN) * factor;
    const minus = zero + (zeros ? (zeros[at] ?? Number.NaN) : 0);
    // Minus zero added leaves every number as it is, minus zero, too.
    const plus = shifts ? (shifts[at] ?? Number.NaN) : -0;
    const run = groups ? 1 : Math.min((group + 1) * blockColumns, columns) - column;
    const end = Math.min(codes.length, done + run);
    for (; done < end; done++) target[done] = ((codes[done] as number) - minus) * by + plus;
  }
}
