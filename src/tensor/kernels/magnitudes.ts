import type { Decoder } from '../decode';
import { binCount, binShift, mergeMagnitudes, type Magnitudes } from '../magnitudes';
import type { PassItem } from '../pass';
import { deltaDecoder } from './delta';
import { BLOCK, type Kernel, type Scratch } from './kernel';

type MagnitudesItem = Extract<PassItem, { kind: 'magnitudes' }>;

/** A sketch of |τ|: how many entries, and how much of Στ², have the same leading bits. */
export const magnitudes: Kernel<MagnitudesItem, Magnitudes> = {
  prepare(item, scratch) {
    const block = scratch.block(0, BLOCK);
    return (chunk) => {
      const sketch = new GrowingSketch(item.mantissaBits, scratch);
      addChunk(deltaDecoder(item.base, item.task, chunk, scratch), chunk.end - chunk.start, block, sketch);
      return sketch.finish();
    };
  },
  merge: mergeMagnitudes,
};

function addChunk(decode: Decoder, length: number, block: Float64Array, sketch: GrowingSketch): void {
  for (let first = 0; first < length; first += BLOCK) {
    const count = Math.min(BLOCK, length - first);
    decode(first, count, block);
    sketch.add(block, count);
  }
}

/** A sketch while values are added to it. Only one at a time for each scratch. */
export class GrowingSketch {
  private readonly counts: Float64Array;
  private readonly energies: Float64Array;
  private readonly shift: number;
  private low = Infinity;
  private high = -1;
  private count = 0;
  private skipped = 0;

  constructor(
    private readonly mantissaBits: number,
    scratch: Scratch,
  ) {
    this.counts = scratch.zeros(0, binCount(mantissaBits));
    this.energies = scratch.zeros(1, binCount(mantissaBits));
    this.shift = binShift(mantissaBits);
  }

  /** Adds the sizes of the first `count` values. */
  add(values: Float64Array, count: number): void {
    const { counts, energies, shift } = this;
    // The upper half of a double orders sizes as whole numbers; little-endian, as everything here.
    const words = new Uint32Array(values.buffer, values.byteOffset, 2 * count);
    let low = this.low;
    let high = this.high;
    for (let i = 0; i < count; i++) {
      const upper = (words[2 * i + 1] as number) & 0x7fffffff;
      if (upper >= NOT_FINITE) {
        this.skipped++;
        continue;
      }
      const bin = upper >>> shift;
      const value = values[i] as number;
      counts[bin] = (counts[bin] as number) + 1;
      energies[bin] = (energies[bin] as number) + value * value;
      if (bin < low && bin > 0) low = bin;
      if (bin > high) high = bin;
    }
    this.low = low;
    this.high = high;
    this.count += count;
  }

  /** The sketch; this one is empty afterwards. */
  finish(): Magnitudes {
    const { low, high, count, skipped, mantissaBits } = this;
    const zeros = this.counts[0] as number;
    this.counts[0] = 0;
    this.energies[0] = 0;
    const first = high > 0 ? low : 1;
    const counts = this.counts.slice(first, high + 1);
    const energies = this.energies.slice(first, high + 1);
    this.counts.fill(0, first, high + 1);
    this.energies.fill(0, first, high + 1);
    return { kind: 'magnitudes', mantissaBits, count, skipped, zeros, first, counts, energies };
  }
}

/** The upper word of the least double that is not finite. */
export const NOT_FINITE = 0x7ff00000;
