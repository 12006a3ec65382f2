import fs from 'node:fs';
import path from 'node:path';
import type { DtypeName } from '../dtype';

/** The types of codes that there are vector kernels for. */
export type PackedDtype = 'U8' | 'I8' | 'F8_E4M3' | 'F8_E5M2' | 'F4';

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly fours: (words: number, plus: number) => void;
  readonly fourOf: (words: number, shift: number, plus: number) => void;
} & Readonly<Record<PackedDtype | 'lookUp', (runs: number) => void>>;

// As in assembly/packed/packed.ts.
const CODES = 1024;
const RUNS = 132_096;
const TABLE = 263_168;
const TARGET = 264_192;
const WORDS = 526_848;
const BYTES = 559_616;
const MOST_WORDS = 8192;
const RUN_BYTES = 32;
const MOST_RUNS = Math.floor((TABLE - RUNS) / RUN_BYTES);

/** So many elements are taken at a time. */
export const MOST_PACKED = 65_536;

const DTYPES: ReadonlySet<string> = new Set<PackedDtype>(['U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'F4']);

/**
 * Codes times the scale of their run, in vector instructions (WebAssembly SIMD), in a memory of its own: codes are read into
 * {@link codes}, runs added one after the other, and what comes out stands in {@link values}.
 */
export class PackedKernels {
  /** Room for the codes of {@link MOST_PACKED} elements. */
  readonly codes: Uint8Array;
  readonly values: Float32Array;
  private readonly table: Uint8Array;
  private readonly doubles: Float64Array;
  private readonly words: Int32Array;
  private readonly packed: Int32Array;
  private readonly unpacked: Uint8Array;
  private runs = 0;

  private constructor(private readonly exports: Exports) {
    const { buffer } = exports.memory;
    this.codes = new Uint8Array(buffer, CODES, MOST_PACKED);
    this.values = new Float32Array(buffer, TARGET, MOST_PACKED);
    this.table = new Uint8Array(buffer, TABLE, 64);
    this.doubles = new Float64Array(buffer, RUNS, MOST_RUNS * 4);
    this.words = new Int32Array(buffer, RUNS, MOST_RUNS * 8);
    this.packed = new Int32Array(buffer, WORDS, MOST_WORDS);
    this.unpacked = new Uint8Array(buffer, BYTES, MOST_WORDS * 8);
  }

  /** The kernels of this thread; `null` where the compiled file is missing, or the processor has no vector instructions. */
  static ofThread(): PackedKernels | null {
    if (loaded === undefined) loaded = load();
    return loaded;
  }

  /** Loads compiled kernels; `null` where the file is missing or its instructions are not known. */
  static load(file: string): PackedKernels | null {
    try {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)));
      return new PackedKernels(instance.exports as unknown as Exports);
    } catch {
      return null;
    }
  }

  /** Whether there is a kernel for codes of a type. */
  static isFor(dtype: DtypeName): dtype is PackedDtype {
    return DTYPES.has(dtype);
  }

  /** Begins with no run. */
  start(): void {
    this.runs = 0;
  }

  /** Adds the next `length` codes, which stand for (code − zero) · by + plus; `false` where there is no room for another run. */
  add(zero: number, by: number, length: number, plus = -0): boolean {
    const { runs } = this;
    if (runs === MOST_RUNS) return false;
    this.doubles[4 * runs] = zero;
    this.doubles[4 * runs + 1] = by;
    this.doubles[4 * runs + 2] = plus;
    this.words[8 * runs + 6] = length;
    this.runs = runs + 1;
    return true;
  }

  /** Writes the values of all runs to {@link values}. Runs of `F4` have an even number of elements. */
  scale(dtype: PackedDtype): void {
    this.exports[dtype](this.runs);
  }

  /**
   * The same of codes of four bits, the upper half of a byte first, that choose one of sixteen numbers of float32; runs have an
   * even number of elements; zeros and what is added are not taken.
   */
  lookUp(table: Float32Array): void {
    const bytes = new Uint8Array(table.buffer, table.byteOffset, 64);
    for (let i = 0; i < 64; i++) this.table[16 * (i & 3) + (i >> 2)] = bytes[i] as number;
    this.exports.lookUp(this.runs);
  }

  /** All numbers of four bits of words, from their lowest on, plus `plus` modulo 16: eight bytes a word, as far as they fit. */
  unpackFours(words: Int32Array, plus: number, target: Uint8Array): void {
    for (let first = 0; first < words.length; first += MOST_WORDS) {
      const part = words.subarray(first, first + MOST_WORDS);
      this.packed.set(part);
      this.exports.fours(part.length, plus);
      const room = Math.min(8 * part.length, target.length - 8 * first);
      target.set(this.unpacked.subarray(0, room), 8 * first);
    }
  }

  /** The number of four bits at `shift` of every word, plus `plus` modulo 16, a byte each. */
  unpackFourOf(words: Int32Array, shift: number, plus: number, target: Uint8Array): void {
    for (let first = 0; first < words.length; first += MOST_WORDS) {
      const part = words.subarray(first, first + MOST_WORDS);
      this.packed.set(part);
      this.exports.fourOf(part.length, shift, plus);
      target.set(this.unpacked.subarray(0, part.length), first);
    }
  }
}

let loaded: PackedKernels | null | undefined;

function load(): PackedKernels | null {
  // Beside the bundles; from the sources, where tests run, in the folder of the bundles.
  for (const folder of [__dirname, path.join(__dirname, '../../../dist')]) {
    const kernels = PackedKernels.load(path.join(folder, 'tensor-packed.wasm'));
    if (kernels !== null) return kernels;
  }
  return null;
}
