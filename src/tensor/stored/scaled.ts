import type { Problem } from '../../protocol/result';
import { bytesFor, decoder } from '../decode';
import { MOST_PACKED, PackedKernels, type PackedDtype } from '../wasm/packed-kernels';
import { fillFloats } from './float-elements';
import { ScaleRuns, type Scales } from './scale-runs';
import type { ReadSpanBytes, ScaledStore, StoredForm } from './stored';
import { wholeValues } from './whole-sources';

/** Runs of fewer elements than this are taken one element after the other. */
const SHORT_RUN = 8;

/** Block-scaled numbers: FP8 with scales a block, FP4 with shared exponents, integers with scales and zero points. */
export const readScaled: StoredForm<ScaledStore> = (stored, offset, target, read) => {
  const scales = scalesOf(stored, read);
  if ('code' in scales) return scales;
  const kernels = PackedKernels.ofThread();
  const { dtype } = stored.codes;
  return fillFloats(offset, target, (first, floats) => {
    const runs = new ScaleRuns(stored, scales, first);
    const isEven = dtype !== 'F4' || (first % 2 === 0 && runs.areEven);
    if (kernels !== null && PackedKernels.isFor(dtype) && isEven && runs.meanLength >= SHORT_RUN)
      return byKernels(kernels, dtype, stored, runs, first, floats, read);
    const codes = codesOf(stored, first, floats.length, read);
    if (!(codes instanceof Float64Array)) return codes;
    for (let done = 0; done < codes.length;) {
      const { zero, by, plus, length } = runs.next();
      const end = Math.min(codes.length, done + length);
      for (; done < end; done++) floats[done] = ((codes[done] as number) - zero) * by + plus;
    }
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

/** Piece by piece: codes into the memory of the kernels, runs after them, and values out. */
function byKernels(
  kernels: PackedKernels,
  dtype: PackedDtype,
  { codes }: ScaledStore,
  runs: ScaleRuns,
  first: number,
  target: Float32Array,
  read: ReadSpanBytes,
): Problem | null {
  let done = 0;
  while (done < target.length) {
    const most = Math.min(MOST_PACKED, target.length - done);
    let count = 0;
    kernels.start();
    while (count < most) {
      const { zero, by, plus, length } = runs.next();
      const taken = Math.min(length, most - count);
      if (!kernels.add(zero, by, taken, plus)) {
        runs.putBack(length);
        break;
      }
      if (taken < length) runs.putBack(length - taken);
      count += taken;
    }
    const start = bytesFor(dtype, first + done);
    const bytes = bytesFor(dtype, first + done + count) - start;
    const problem = read(codes, start, kernels.codes.subarray(0, bytes));
    if (problem !== null) return problem;
    kernels.scale(dtype);
    target.set(kernels.values.subarray(0, count), done);
    done += count;
  }
  return null;
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
