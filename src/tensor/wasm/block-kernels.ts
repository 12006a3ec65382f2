import fs from 'node:fs';
import path from 'node:path';

/** The block formats that there are vector kernels for. */
export type VectorBlock = 'Q4_K' | 'Q5_K' | 'Q6_K' | 'Q8_0' | 'Q4_0';

type Exports = { readonly memory: WebAssembly.Memory } & Readonly<
  Record<VectorBlock, (count: number) => void>
>;

// As in assembly/blocks/blocks.ts.
const SOURCE = 1024;
const TARGET = 66_560;

/** Dequantises ggml's usual block formats in vector instructions (WebAssembly SIMD), in a memory of its own. */
export class BlockKernels {
  private readonly memory: Uint8Array;

  private constructor(private readonly exports: Exports) {
    this.memory = new Uint8Array(exports.memory.buffer);
  }

  /** The kernels of this thread; `null` where the compiled file is missing, or the processor has no vector instructions. */
  static ofThread(): BlockKernels | null {
    if (loaded === undefined) loaded = load();
    return loaded;
  }

  /** Whether there is a kernel for a format. */
  static isFor(format: string): format is VectorBlock {
    return FORMATS.has(format);
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
    format: VectorBlock,
    blocks: Uint8Array,
    count: number,
    size: number,
    elements: number,
    target: Uint8Array,
  ): void {
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
}

const FORMATS: ReadonlySet<string> = new Set<VectorBlock>(['Q4_K', 'Q5_K', 'Q6_K', 'Q8_0', 'Q4_0']);
let loaded: BlockKernels | null | undefined;

function load(): BlockKernels | null {
  // Beside the bundles; from the sources, where tests run, in the folder of the bundles.
  for (const folder of [__dirname, path.join(__dirname, '../../../dist')]) {
    const kernels = BlockKernels.load(path.join(folder, 'tensor-blocks.wasm'));
    if (kernels !== null) return kernels;
  }
  return null;
}
