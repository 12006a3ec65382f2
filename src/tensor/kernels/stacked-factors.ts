import { decodeInto } from '../decode';
import type { MatrixTerm, StoredFactors } from '../matrix-source';
import type { OpenFiles } from '../open-files';
import type { LowRankDelta } from '../pass';
import type { TensorSpan } from '../span';
import type { DenseKernels } from '../wasm/dense-kernels';
import { takeSingles, type Singles } from '../wasm/singles';
import { ReadFailed } from './matrix-reader';

/** A factored summand. */
export type FactoredTask = StoredFactors | { readonly kind: 'lowRank'; readonly delta: LowRankDelta };

/** The factors of many deltas of one shape in the kernels' memory, as float32. */
export interface StackedFactors {
  /** All A one above the other, Σr × columns. */
  readonly a: Singles;
  /** All B next to each other, rows × Σr. */
  readonly b: Singles;
  readonly scales: readonly number[];
  readonly ranks: readonly number[];
  /** Row of `a`, and column of `b`, at which each delta begins. */
  readonly starts: readonly number[];
}

/** The task of a term. A term that has no factors is a caller's mistake: RangeError. */
export function factoredTask(term: MatrixTerm): FactoredTask {
  if (term.kind === 'delta' && term.task.kind !== 'dense') return term.task;
  throw new RangeError('only deltas with factors have inner products without being formed');
}

/** The inner dimension of its product. */
export function rankOf(task: FactoredTask): number {
  return task.kind === 'stored' ? task.rank : task.delta.rank;
}

/** Reads the factors of tasks whose products are `rows × columns`. Throws {@link ReadFailed}. */
export function stackFactors(
  kernels: DenseKernels,
  tasks: readonly FactoredTask[],
  rows: number,
  columns: number,
  files: OpenFiles,
): StackedFactors {
  const ranks = tasks.map(rankOf);
  const starts: number[] = [];
  const total = ranks.reduce((sum, rank) => {
    starts.push(sum);
    return sum + rank;
  }, 0);
  const a = takeSingles(kernels, total, columns);
  const b = takeSingles(kernels, rows, total);
  const reader = new SinglesReader(files);
  const memory = new Float32Array(kernels.memory.buffer);
  for (const [at, task] of tasks.entries()) {
    const [rank, start] = [rankOf(task), starts[at] as number];
    // (B·A)ᵀ = Aᵀ·Bᵀ
    const turned = task.kind === 'stored' && task.transposed;
    const wide = task.kind === 'stored' ? () => reader.read(turned ? task.b : task.a) : () => task.delta.a;
    const tall = task.kind === 'stored' ? () => reader.read(turned ? task.a : task.b) : () => task.delta.b;
    putLines(memory, a.place / 4 + start * a.row, a.row, wide(), rank, columns, turned);
    putLines(memory, b.place / 4 + start, b.row, tall(), rows, rank, turned);
  }
  const scales = tasks.map((task) => (task.kind === 'stored' ? task.scale : task.delta.scale));
  return { a, b, scales, ranks, starts };
}

/** Writes a `lines × length` matrix, or one that is stored the other way round, as lines `apart` entries apart. */
function putLines(
  memory: Float32Array,
  first: number,
  apart: number,
  values: Float32Array | Float64Array,
  lines: number,
  length: number,
  turned: boolean,
): void {
  if (!turned && length > 64) {
    for (let i = 0; i < lines; i++) {
      memory.set(values.subarray(i * length, (i + 1) * length), first + i * apart);
    }
    return;
  }
  // A copy of a short line costs more to begin than to do.
  const [line, entry] = turned ? [1, lines] : [length, 1];
  for (let i = 0; i < lines; i++) {
    const [from, to] = [i * line, first + i * apart];
    for (let j = 0; j < length; j++) memory[to + j] = values[from + j * entry] as number;
  }
}

/** Reads tensors as float32 into an array that is used again for the next one. */
class SinglesReader {
  private values = new Float32Array(0);
  private doubles = new Float64Array(0);
  private bytes = new Uint8Array(0);

  constructor(private readonly files: OpenFiles) {}

  /** Good until the next call. */
  read(span: TensorSpan): Float32Array | Float64Array {
    if (span.dtype === 'F32') {
      if (this.values.length < span.count) this.values = new Float32Array(span.count);
      this.fill(span, new Uint8Array(this.values.buffer, 0, span.bytes));
      return this.values;
    }
    if (this.bytes.length < span.bytes) this.bytes = new Uint8Array(span.bytes);
    const bytes = this.bytes.subarray(0, span.bytes);
    this.fill(span, bytes);
    if (this.doubles.length < span.count) this.doubles = new Float64Array(span.count);
    return decodeInto(span.dtype, bytes, this.doubles.subarray(0, span.count));
  }

  private fill(span: TensorSpan, bytes: Uint8Array): void {
    const problem = this.files.read(span, 0, bytes);
    if (problem !== null) throw new ReadFailed(problem);
  }
}
