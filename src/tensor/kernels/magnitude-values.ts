import { binShift, mergeRuns, type MagnitudeValues, type ValueRun } from '../magnitudes';
import type { PassItem } from '../pass';
import { deltaDecoder } from './delta';
import { BLOCK, type Kernel } from './kernel';

type MagnitudeValuesItem = Extract<PassItem, { kind: 'magnitudeValues' }>;

/** The sizes |τ| that fall into some bins of a sketch, each distinct one with how often it occurs. */
export const magnitudeValues: Kernel<MagnitudeValuesItem, MagnitudeValues> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    const shift = binShift(item.mantissaBits);
    const [one = -1, other = one] = item.bins;
    return (chunk) => {
      const decode = deltaDecoder(item.base, item.task, chunk, scratch);
      const length = chunk.end - chunk.start;
      const found = scratch.block(2, length);
      let end = 0;
      for (let first = 0; first < length; first += BLOCK) {
        const count = Math.min(BLOCK, length - first);
        decode(first, count, block);
        end = collect(block, count, shift, one, other, found, end);
      }
      return { kind: 'magnitudeValues', runs: end === 0 ? [] : [runOf(found.subarray(0, end).sort())] };
    };
  },
  merge: ({ runs: before }, { runs: after }) => ({ kind: 'magnitudeValues', runs: joinRuns(before, after) }),
};

/** Appends the sizes in either of two bins to `found` from `end` on; returns the new end. */
function collect(
  block: Float64Array,
  count: number,
  shift: number,
  one: number,
  other: number,
  found: Float64Array,
  end: number,
): number {
  const words = new Uint32Array(block.buffer, block.byteOffset, 2 * count);
  let at = end;
  for (let i = 0; i < count; i++) {
    const bin = ((words[2 * i + 1] as number) & 0x7fffffff) >>> shift;
    if (bin === one || bin === other) found[at++] = Math.abs(block[i] as number);
  }
  return at;
}

function runOf(sorted: Float64Array): ValueRun {
  const values = new Float64Array(sorted.length);
  const counts = new Float64Array(sorted.length);
  let end = 0;
  for (const value of sorted) {
    if (end === 0 || value !== values[end - 1]) values[end++] = value;
    counts[end - 1] = (counts[end - 1] as number) + 1;
  }
  return { values: values.slice(0, end), counts: counts.slice(0, end) };
}

/** Joins runs of like length only, so that a value is copied as often as the logarithm of their number. */
function joinRuns(before: readonly ValueRun[], after: readonly ValueRun[]): ValueRun[] {
  const runs = [...before];
  for (const run of after) {
    let joined = run;
    for (let last = runs.at(-1); last && last.values.length <= 2 * joined.values.length; last = runs.at(-1)) {
      joined = mergeRuns(last, joined);
      runs.pop();
    }
    runs.push(joined);
  }
  return runs;
}
