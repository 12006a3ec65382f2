import { decodeInto } from '../decode';
import { transposed } from '../linear/dense';
import type { MatrixSource, StoredFactors } from '../matrix-source';
import type { OpenFiles } from '../open-files';
import type { LowRankDelta } from '../pass';
import type { TensorSpan } from '../span';
import { ReadFailed } from './matrix-reader';

/**
 * Reads stored factors into arrays that are used again for the next source: the operating system hands out fresh memory
 * slower than the factors are read.
 */
export class FactorRoom {
  private readonly arrays: Float64Array[] = [];
  private bytes = new Uint8Array(0);
  private used = 0;

  /**
   * The same source with its stored factors in memory, as float64; good until the next call. Throws {@link ReadFailed}.
   */
  load(source: MatrixSource, files: OpenFiles): MatrixSource {
    this.used = 0;
    const terms = source.terms.map((term) => {
      if (term.kind !== 'delta' || term.task.kind !== 'stored') return term;
      return { ...term, task: { kind: 'lowRank' as const, delta: this.delta(term.task, files) } };
    });
    return { ...source, terms };
  }

  private delta(task: StoredFactors, files: OpenFiles): LowRankDelta {
    const { scale, rank } = task;
    const a = { rows: rank, columns: task.a.count / rank, values: this.values(task.a, files) };
    const b = { rows: task.b.count / rank, columns: rank, values: this.values(task.b, files) };
    // (B·A)ᵀ = Aᵀ·Bᵀ
    const [left, right] = task.transposed ? [transposed(a), transposed(b)] : [b, a];
    return { scale, rank, b: left.values, a: right.values, rows: left.rows, columns: right.columns };
  }

  private values(span: TensorSpan, files: OpenFiles): Float64Array {
    if (this.bytes.length < span.bytes) this.bytes = new Uint8Array(span.bytes);
    const bytes = this.bytes.subarray(0, span.bytes);
    const problem = files.read(span, 0, bytes);
    if (problem !== null) throw new ReadFailed(problem);
    const slot = this.used++;
    const known = this.arrays[slot];
    const array = known !== undefined && known.length >= span.count ? known : new Float64Array(span.count);
    this.arrays[slot] = array;
    return decodeInto(span.dtype, bytes, array.subarray(0, span.count));
  }
}
