import fs from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

/**
 * m, n, k, factor, then A, B and C, each with its place in bytes and the distances between its rows and columns in
 * entries: C (m × n) += factor · A (m × k) · B (k × n). C has a distance between rows only. All are doubles, but for the A
 * of a rough product, which is of float32.
 */
export type ProductArguments = readonly [
  m: number,
  n: number,
  k: number,
  factor: number,
  a: number,
  aRow: number,
  aColumn: number,
  b: number,
  bRow: number,
  bColumn: number,
  c: number,
  cRow: number,
];

/** The products of `assembly/dense/dense.ts`. */
export interface ProductKernels {
  readonly addProduct: (...words: ProductArguments) => void;
  readonly addRoughProduct: (...words: ProductArguments) => void;
  /** Puts the buffers of this instance elsewhere. */
  readonly useBuffers: (place: number) => void;
}

/** What the thread that shares in products is given (product-thread.ts). */
export interface ProductThreadData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
}

/** Bytes of the buffers of one instance (assembly/dense/memory.ts). */
const BUFFERS = 1_441_792;
/** Where those of the other thread end, and matrices begin. */
export const BUFFERS_END = 2 * BUFFERS;

/** Multiplications above which a product is worth waking another thread, which takes some 20 µs. */
const WORTH_SHARING = 2 ** 22;
/** Rows that a thread takes at a time: a multiple of what the kernels pack together. */
const LEAST_ROWS = 64;
/** Parts to cut a product into: so many that a thread which comes late finds some left. */
const PARTS = 8;

/** States of the gate. */
const CLOSED = 0;
const OPEN = 1;
const JOINED = 2;

/** The product in hand as both threads see it. */
class ProductControl {
  /** State of the gate, next run of rows, whether the other thread failed. */
  readonly gate: Int32Array;
  readonly words: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.gate = new Int32Array(buffer, 0, 4);
    this.words = new Float64Array(buffer, 16, 13);
  }

  static readonly BYTES = 16 + 13 * 8;

  put(rough: boolean, words: ProductArguments): void {
    this.words.set([rough ? 1 : 0, ...words]);
    Atomics.store(this.gate, 1, 0);
  }

  /** Multiplies runs of rows until none is left. */
  work(kernels: ProductKernels): void {
    const [rough, ...words] = this.words as unknown as [number, ...ProductArguments];
    const [m, n, k, factor, a, aRow, aColumn, b, bRow, bColumn, c, cRow] = words;
    const rows = Math.max(LEAST_ROWS, Math.ceil(m / PARTS / LEAST_ROWS) * LEAST_ROWS);
    const add = rough === 1 ? kernels.addRoughProduct : kernels.addProduct;
    const bytes = rough === 1 ? 4 : 8;
    for (;;) {
      const first = rows * Atomics.add(this.gate, 1, 1);
      if (first >= m) return;
      const own = Math.min(rows, m - first);
      add(
        own,
        n,
        k,
        factor,
        a + bytes * first * aRow,
        aRow,
        aColumn,
        b,
        bRow,
        bColumn,
        c + 8 * first * cRow,
        cRow,
      );
    }
  }
}

/**
 * Matrix products of one instance of the kernels. Large ones are cut into runs of rows that this thread and another one
 * take by turns, in the memory that both see. The other thread sleeps between products, and is only waited for while it
 * works: where all processors are busy with something else, this thread does it all.
 */
export class SharedProducts {
  private other: Worker | null = null;
  private control: ProductControl | null = null;
  private hasFailed = false;

  constructor(
    private readonly kernels: ProductKernels,
    private readonly memory: WebAssembly.Memory,
    private readonly module: WebAssembly.Module,
  ) {}

  /** Adds a product; the sums do not depend on who does which part. */
  add(rough: boolean, words: ProductArguments): void {
    const [m, n, k] = words;
    const control = m * n * k >= WORTH_SHARING && m > LEAST_ROWS ? this.shared() : null;
    if (control === null) {
      if (rough) this.kernels.addRoughProduct(...words);
      else this.kernels.addProduct(...words);
      return;
    }
    control.put(rough, words);
    Atomics.store(control.gate, 0, OPEN);
    Atomics.notify(control.gate, 0);
    control.work(this.kernels);
    if (Atomics.compareExchange(control.gate, 0, OPEN, CLOSED) !== JOINED) return;
    while (Atomics.load(control.gate, 0) === JOINED) Atomics.wait(control.gate, 0, JOINED);
    if (Atomics.load(control.gate, 2) !== 0) throw new Error('A thread failed in a product of matrices.');
  }

  /** Ends the other thread. */
  close(): void {
    void this.other?.terminate();
    this.other = null;
    this.control = null;
  }

  private shared(): ProductControl | null {
    if (this.control !== null) return this.control;
    const file = this.hasFailed ? null : threadFile();
    if (file === null) return null;
    const buffer = new SharedArrayBuffer(ProductControl.BYTES);
    const workerData: ProductThreadData = { module: this.module, memory: this.memory, control: buffer };
    this.other = new Worker(file, { workerData, execArgv: [] });
    // Without it, everything goes on in this thread.
    this.other.on('error', () => {
      this.hasFailed = true;
      this.close();
    });
    this.other.unref();
    this.control = new ProductControl(buffer);
    return this.control;
  }
}

/** What the other thread does for as long as it lives. */
export function shareInProducts({ module, memory, control: buffer }: ProductThreadData): never {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = exports as unknown as ProductKernels;
  kernels.useBuffers(BUFFERS);
  const control = new ProductControl(buffer);
  for (;;) {
    const state = Atomics.load(control.gate, 0);
    if (state !== OPEN) {
      Atomics.wait(control.gate, 0, state);
      continue;
    }
    if (Atomics.compareExchange(control.gate, 0, OPEN, JOINED) !== OPEN) continue;
    try {
      control.work(kernels);
    } catch {
      Atomics.store(control.gate, 2, 1);
    }
    Atomics.store(control.gate, 0, CLOSED);
    Atomics.notify(control.gate, 0);
  }
}

let knownFile: string | null | undefined;

/** Beside the bundles; from the sources, where tests run, in the folder of the bundles. */
function threadFile(): string | null {
  knownFile ??=
    [__dirname, path.join(__dirname, '../../../dist')]
      .map((folder) => path.join(folder, 'product-thread.js'))
      .find((file) => fs.existsSync(file)) ?? null;
  return knownFile;
}
