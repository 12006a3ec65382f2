import fs from 'node:fs';
import path from 'node:path';
import { BUFFERS_END, SharedProducts, type ProductArguments, type ProductKernels } from './shared-products';
import type { Singles } from './singles';

/** What `assembly/dense/dense.ts` exports; places are in bytes, strides in doubles. */
interface Exports extends ProductKernels {
  addSinglesProduct(
    m: number,
    n: number,
    k: number,
    a: number,
    aRow: number,
    aColumn: number,
    b: number,
    bRow: number,
    bColumn: number,
    c: number,
    cRow: number,
  ): void;
  columnsToPanel(
    source: number,
    rows: number,
    width: number,
    stride: number,
    panel: number,
    to: number,
  ): void;
  factorPanel(panel: number, rows: number, width: number, stride: number, r: number, taus: number): void;
  triangle(products: number, taus: number, width: number, t: number): void;
  chaseRows(
    band: number,
    n: number,
    width: number,
    stride: number,
    first: number,
    end: number,
    v: number,
    w: number,
  ): void;
  jacobiSweep(
    work: number,
    n: number,
    length: number,
    stride: number,
    basis: number,
    basisLength: number,
    basisStride: number,
    squares: number,
    tolerance: number,
  ): number;
  tridiagonalSteps(
    a: number,
    n: number,
    stride: number,
    first: number,
    end: number,
    d: number,
    e: number,
    taus: number,
    p: number,
  ): void;
  rotateRows(z: number, stride: number, columns: number, last: number, count: number, turns: number): void;
}

/** A matrix in the kernels' memory: entry (i, j) is at byte `place + 8·(i·row + j·column)`. */
export interface Block {
  readonly place: number;
  readonly rows: number;
  readonly columns: number;
  readonly row: number;
  readonly column: number;
}

const PAGE = 65_536;
/** Pages to begin with, and the most that addresses reach (scripts/tensor-kernels.mjs). */
const PAGES = { initial: 64, maximum: 65_536 } as const;
/** A memory that has grown beyond this is not kept from one use to the next, or while a thread has nothing to do. */
const MOST_KEPT = 2 ** 28;
const MOST_KEPT_IDLE = 2 ** 26;

/**
 * Linear algebra over float64 in vector instructions (WebAssembly SIMD), in a memory that grows with the matrices. Places
 * are taken with {@link take} and given back, all at once, by {@link DenseKernels.use}.
 */
export class DenseKernels {
  private next = BUFFERS_END;
  private readonly products: SharedProducts;

  private constructor(
    readonly exports: Exports,
    readonly memory: WebAssembly.Memory,
    module: WebAssembly.Module,
  ) {
    this.products = new SharedProducts(exports, memory, module);
  }

  /**
   * Runs `body` with the kernels of this thread; what it takes is free again afterwards. `null` where there are none: the
   * compiled file is missing, or the processor has no vector instructions.
   */
  static use<T>(body: (kernels: DenseKernels) => T): T | null {
    const kernels = idle.pop() ?? DenseKernels.load();
    if (kernels === null) return null;
    // A body that uses the kernels again gets others, which are kept as well: the next such body wants them, too.
    const before = kernels.next;
    try {
      return body(kernels);
    } finally {
      kernels.next = before;
      if (kernels.memory.buffer.byteLength <= MOST_KEPT) idle.push(kernels);
      else kernels.products.close();
    }
  }

  /** Gives large memory back, as WebAssembly cannot shrink it. For when a thread has nothing more to do. */
  static rest(): void {
    const isSmall = ({ memory }: DenseKernels) => memory.buffer.byteLength <= MOST_KEPT_IDLE;
    for (const kernels of idle) if (!isSmall(kernels)) kernels.products.close();
    idle = idle.filter(isSmall);
  }

  private static load(): DenseKernels | null {
    compiled ??= compile();
    if (compiled === null) return null;
    const memory = new WebAssembly.Memory({ ...PAGES, shared: true });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    return new DenseKernels(exports as unknown as Exports, memory, compiled);
  }

  /** Room for so many doubles, at an address of its own that holds whatever was there. */
  take(doubles: number): number {
    const place = this.next;
    // Distances that are powers of two would fight for the same lines of the processor's cache.
    this.next = place + Math.ceil((8 * doubles) / 64) * 64 + 192;
    const missing = this.next - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return place;
  }

  /** A `rows × columns` block of rows, their distance no power of two. */
  block(rows: number, columns: number): Block {
    const row = paddedRow(columns);
    return { place: this.take(rows * row), rows, columns, row, column: 1 };
  }

  /** A block with these values, row-major. */
  put(values: Float64Array, rows: number, columns: number): Block {
    const block = this.block(rows, columns);
    this.putRows(values, block);
    return block;
  }

  /** Writes the first of these values, row-major, to all of a block of rows. */
  putRows(values: Float64Array, { place, rows, columns, row }: Block): void {
    const memory = this.doubles();
    if (row === columns) {
      memory.set(values.subarray(0, rows * columns), place / 8);
      return;
    }
    for (let i = 0; i < rows; i++) {
      memory.set(values.subarray(i * columns, (i + 1) * columns), place / 8 + i * row);
    }
  }

  /** Writes the first of these values, column after column, to all of a block of rows. */
  putColumns(values: Float64Array, { place, rows, columns, row }: Block): void {
    const memory = this.doubles();
    for (let i = 0; i < rows; i++) {
      const start = place / 8 + i * row;
      for (let j = 0; j < columns; j++) memory[start + j] = values[j * rows + i] as number;
    }
  }

  /** The values as a block with no fewer rows than columns: transposed where need be. */
  putTall(values: Float64Array, rows: number, columns: number): Block {
    if (rows >= columns) return this.put(values, rows, columns);
    const block = this.block(columns, rows);
    this.putColumns(values, block);
    return block;
  }

  /** The values of a block, row-major, as a copy. */
  get({ place, rows, columns, row, column }: Block): Float64Array {
    if (column === 1 && row === columns) return this.view(place, rows * columns).slice();
    const values = new Float64Array(rows * columns);
    const memory = new Float64Array(this.memory.buffer);
    for (let i = 0; i < rows; i++) {
      const start = place / 8 + i * row;
      // A copy of a short row costs more to begin than to do.
      if (column === 1 && columns > 512) values.set(memory.subarray(start, start + columns), i * columns);
      else for (let j = 0; j < columns; j++) values[i * columns + j] = memory[start + j * column] as number;
    }
    return values;
  }

  /** Doubles at a place. Not to be kept: it is detached when the memory grows. */
  view(place: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, place, length);
  }

  /** All of the memory as doubles. Not to be kept over a {@link take}: it is detached when the memory grows. */
  doubles(): Float64Array {
    return new Float64Array(this.memory.buffer);
  }

  /** A `rows × columns` block of zeros. */
  zeroBlock(rows: number, columns: number): Block {
    const block = this.block(rows, columns);
    this.clear(block);
    return block;
  }

  /** A small square block, its rows next to each other. */
  squareBlock(n: number): Block {
    return { place: this.take(n * n), rows: n, columns: n, row: n, column: 1 };
  }

  /** Runs `body`; what it takes is free again afterwards. */
  scratch<T>(body: () => T): T {
    const before = this.next;
    try {
      return body();
    } finally {
      this.next = before;
    }
  }

  /** Sets a block of rows to zeros. */
  clear({ place, rows, row }: Block): void {
    this.view(place, rows * row).fill(0);
  }

  /** c += factor · a · b; shapes are the caller's business, and c is a block of rows, none of it part of a or b. */
  addProduct(factor: number, a: Block, b: Block, c: Block): void {
    this.products.add(false, wordsOf(factor, a, b, c));
  }

  /** c += a · b as {@link addProduct}, summed in float32: good to six digits, in half the time. */
  addRoughProduct(a: Singles, b: Block, c: Block): void {
    this.products.add(true, wordsOf(1, a, b, c));
  }

  /** c += a · b of float32 as {@link addRoughProduct}, by this thread alone: for where all have work of their own. */
  addSinglesProduct(a: Singles, b: Singles, c: Block): void {
    const inner = [a.place, a.row, a.column, b.place, b.row, b.column] as const;
    this.exports.addSinglesProduct(c.rows, c.columns, a.columns, ...inner, c.place, c.row);
  }
}

/** Large products are shared between threads. */
function wordsOf(factor: number, a: Block | Singles, b: Block, c: Block): ProductArguments {
  const inner = [a.place, a.row, a.column, b.place, b.row, b.column] as const;
  return [c.rows, c.columns, a.columns, factor, ...inner, c.place, c.row];
}

/** The part of a block from (`row`, `column`) on. */
export function partOf(block: Block, row: number, column: number, rows: number, columns: number): Block {
  return { ...block, place: block.place + 8 * (row * block.row + column * block.column), rows, columns };
}

/** The block read the other way round. */
export function turned({ place, rows, columns, row, column }: Block): Block {
  return { place, rows: columns, columns: rows, row: column, column: row };
}

/** Distance between rows of so many entries: even, and not such that a column's entries share lines of the cache. */
export function paddedRow(columns: number): number {
  const even = columns + (columns % 2);
  return even >= 64 && even % 32 === 0 ? even + 8 : even;
}

let compiled: WebAssembly.Module | null | undefined;
/** Kernels that nobody uses, the last used last. */
let idle: DenseKernels[] = [];

function compile(): WebAssembly.Module | null {
  // Beside the bundles; from the sources, where tests run, in the folder of the bundles.
  for (const folder of [__dirname, path.join(__dirname, '../../../dist')]) {
    // Fused multiply-add is not to be had everywhere.
    for (const name of ['tensor-linear-fused.wasm', 'tensor-linear.wasm']) {
      try {
        return new WebAssembly.Module(fs.readFileSync(path.join(folder, name)));
      } catch {
        // The next one may be there.
      }
    }
  }
  return null;
}
