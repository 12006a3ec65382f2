import fs from 'node:fs';
import path from 'node:path';
import type { Codebook } from '../stored/blocks/codebook';
import { IQ1_BOOK } from '../stored/blocks/iq1';
import { IQ2_BOOKS } from '../stored/blocks/iq2';
import { IQ3_BOOKS } from '../stored/blocks/iq3';
import type { BlockName } from '../stored/blocks/registry';

type Exports = { readonly memory: WebAssembly.Memory } & Readonly<Record<BlockName, (count: number) => void>>;

// As in assembly/blocks/lanes.ts and vectors.ts.
const TABLES = 1024;
const SOURCE = 36_864;
const TARGET = 102_400;
const BOOKS: Partial<Record<BlockName, readonly [place: number, book: Codebook]>> = {
  IQ1_S: [TABLES, IQ1_BOOK],
  IQ1_M: [TABLES, IQ1_BOOK],
  IQ2_XXS: [TABLES + 16_384, IQ2_BOOKS.xxs],
  IQ2_XS: [TABLES + 18_432, IQ2_BOOKS.xs],
  IQ2_S: [TABLES + 22_528, IQ2_BOOKS.s],
  IQ3_XXS: [TABLES + 30_720, IQ3_BOOKS.xxs],
  IQ3_S: [TABLES + 31_744, IQ3_BOOKS.s],
};

/** Dequantises ggml's block formats in vector instructions (WebAssembly SIMD), in a memory of its own. */
export class BlockKernels {
  private readonly memory: Uint8Array;
  /** The formats whose codebooks are in memory. */
  private readonly withBooks = new Set<BlockName>();

  private constructor(private readonly exports: Exports) {
    this.memory = new Uint8Array(exports.memory.buffer);
  }

  /** The kernels of this thread; `null` where the compiled file is missing, or the processor has no vector instructions. */
  static ofThread(): BlockKernels | null {
    if (loaded === undefined) loaded = load();
    return loaded;
  }

  /** Loads compiled kernels; `null` where the file is missing or its instructions are not known. */
  static load(file: string): BlockKernels | null {
    try {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)));
      return new BlockKernels(instance.exports as unknown as Exports);
    } catch {
      return null;
    }
  }

  /** Writes the values of `count` blocks of `size` bytes, `elements` elements each, to the front of `target`, as float32. */
  dequantise(
    format: BlockName,
    blocks: Uint8Array,
    count: number,
    size: number,
    elements: number,
    target: Uint8Array,
  ): void {
    this.putBook(format);
    const most = Math.floor(
      Math.min((TARGET - SOURCE) / size, (this.memory.length - TARGET) / (4 * elements)),
    );
    for (let first = 0; first < count; first += most) {
      const now = Math.min(most, count - first);
      this.memory.set(blocks.subarray(first * size, (first + now) * size), SOURCE);
      this.exports[format](now);
      target.set(this.memory.subarray(TARGET, TARGET + now * elements * 4), first * elements * 4);
    }
  }

  private putBook(format: BlockName): void {
    const known = BOOKS[format];
    if (known === undefined || this.withBooks.has(format)) return;
    const [place, book] = known;
    // Entries are whole numbers of one byte.
    this.memory.set(Uint8Array.from(book()), place);
    this.withBooks.add(format);
  }
}

let loaded: BlockKernels | null | undefined;

function load(): BlockKernels | null {
  // Beside the bundles; from the sources, where tests run, in the folder of the bundles.
  for (const folder of [__dirname, path.join(__dirname, '../../../dist')]) {
    const kernels = BlockKernels.load(path.join(folder, 'tensor-blocks.wasm'));
    if (kernels !== null) return kernels;
  }
  return null;
}
