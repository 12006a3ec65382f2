import type { Problem } from '../../protocol/result';
import { byteRange } from '../chunks';
import { bitsOf, bytesFor, decodeInto } from '../decode';
import type { Entries } from '../linear/entries';
import type { MatrixSource, MatrixTerm } from '../matrix-source';
import type { OpenFiles } from '../open-files';
import type { TensorSpan } from '../span';
import { formEntries } from './low-rank-rows';

/** Thrown through a computation whose matrix cannot be read; whoever began it catches it. */
export class ReadFailed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** Thrown by {@link MatrixReader} once it has seen every entry, where some are not finite. */
export class NotFinite extends Error {
  constructor(readonly count: number) {
    super(`${count} entries are not finite`);
  }
}

/** Elements read and decoded at a time: the bytes of a large tensor are never held beside its values. */
const PIECE = 2 ** 18;
/** The same of two tensors that are subtracted while they are in the processor's cache. */
const PIECE_OF_SINGLES = 2 ** 15;

/**
 * Entries of a source in the orientation that they are stored in, summed over its terms in float64. Throws
 * {@link ReadFailed}, and, if `finite` is asked for, {@link NotFinite} at the end of the first time that all entries are read.
 */
export class MatrixReader implements Entries {
  readonly rows: number;
  readonly columns: number;
  /** Entries read so far that are not finite. */
  nonFinite = 0;
  private unseen: number;
  private readonly values = new Float64Array(PIECE);
  private bytes = new Uint8Array(0);

  constructor(
    private readonly source: MatrixSource,
    private readonly files: OpenFiles,
    private readonly finite: boolean,
  ) {
    this.unseen = source.rows * source.columns;
    const turned = source.transposed === true;
    this.rows = turned ? source.columns : source.rows;
    this.columns = turned ? source.rows : source.columns;
  }

  /** Whether parts of rows can be read: elements that share a byte cannot be told apart at any place. */
  get hasColumns(): boolean {
    return this.source.terms.every((term) => spansOfTerm(term).every((span) => bitsOf(span.dtype) >= 8));
  }

  read(firstRow: number, endRow: number, firstColumn: number, endColumn: number, target: Float64Array): void {
    const width = endColumn - firstColumn;
    const count = (endRow - firstRow) * width;
    const whole = width === this.columns;
    const [sole] = this.source.terms;
    // The most frequent source by far: its numbers need not be added to zeros.
    const plain = sole?.kind === 'tensor' && sole.weight === 1 && this.source.terms.length === 1;
    if (!plain) target.fill(0, 0, count);
    const runs = whole ? 1 : endRow - firstRow;
    const length = whole ? count : width;
    for (const term of this.source.terms) {
      for (let run = 0; run < runs; run++) {
        const start = (firstRow + run) * this.columns + firstColumn;
        this.addTerm(term, start, target.subarray(run * length, (run + 1) * length), plain);
      }
    }
    if (this.unseen <= 0) return;
    if (!isFinite(target, count)) {
      for (let i = 0; i < count; i++) if (!Number.isFinite(target[i])) this.nonFinite++;
    }
    this.unseen -= count;
    if (this.unseen <= 0 && this.finite && this.nonFinite > 0) throw new NotFinite(this.nonFinite);
  }

  readSingles(firstRow: number, endRow: number, target: Float32Array): boolean {
    const [sole] = this.source.terms;
    if (this.source.terms.length !== 1 || sole === undefined || sole.kind === 'values') return false;
    const [span, base] = spansOfTerm(sole).toReversed();
    if (sole.weight !== 1 || span?.dtype !== 'F32' || (base && base.dtype !== 'F32')) return false;
    const first = (sole.first ?? 0) + firstRow * this.columns;
    const count = (endRow - firstRow) * this.columns;
    if (!base) {
      this.readStored(span, first, target.subarray(0, count));
      return true;
    }
    const before = new Float32Array(Math.min(count, PIECE_OF_SINGLES));
    for (let done = 0; done < count; done += PIECE_OF_SINGLES) {
      const part = target.subarray(done, Math.min(count, done + PIECE_OF_SINGLES));
      this.readStored(span, first + done, part);
      this.readStored(base, first + done, before.subarray(0, part.length));
      // The difference of two float32 in float64, rounded to float32, is their difference in float32.
      for (let i = 0; i < part.length; i++) part[i] = (part[i] as number) - (before[i] as number);
    }
    return true;
  }

  /** Fills `target` with elements of float32 as they are. */
  private readStored(span: TensorSpan, first: number, target: Float32Array): void {
    const range = byteRange(span, first, first + target.length);
    const bytes = new Uint8Array(target.buffer, target.byteOffset, range.length);
    const problem = this.files.read(span, range.offset, bytes);
    if (problem !== null) throw new ReadFailed(problem);
  }

  /** Adds a term to `sum`, or writes it there where it is the only one. */
  private addTerm(term: MatrixTerm, start: number, sum: Float64Array, sole: boolean): void {
    const { weight } = term;
    if (term.kind === 'values') {
      addScaled(sum, term.values.subarray(start, start + sum.length), weight);
      return;
    }
    if (term.kind === 'tensor') {
      this.addSpan(term.span, (term.first ?? 0) + start, weight, sum, sole);
      return;
    }
    const { task } = term;
    if (task.kind === 'stored') throw new RangeError('factors are to be in memory before entries are formed');
    if (task.kind === 'lowRank') {
      for (let done = 0; done < sum.length; done += PIECE) {
        const part = sum.subarray(done, done + PIECE);
        formEntries(task.delta, start + done, part.length, this.values);
        addScaled(part, this.values, weight);
      }
      return;
    }
    this.addSpan(task.span, (term.first ?? 0) + start, weight, sum);
    this.addSpan(term.base, (term.first ?? 0) + start, -weight, sum);
  }

  private addSpan(span: TensorSpan, first: number, weight: number, sum: Float64Array, set = false): void {
    const room = bytesFor(span.dtype, Math.min(PIECE, sum.length));
    if (this.bytes.length < room) this.bytes = new Uint8Array(room);
    for (let done = 0; done < sum.length; done += PIECE) {
      const part = sum.subarray(done, done + PIECE);
      const range = byteRange(span, first + done, first + done + part.length);
      const bytes = this.bytes.subarray(0, range.length);
      const problem = this.files.read(span, range.offset, bytes);
      if (problem !== null) throw new ReadFailed(problem);
      if (set) decodeInto(span.dtype, bytes, part);
      else addScaled(part, decodeInto(span.dtype, bytes, this.values.subarray(0, part.length)), weight);
    }
  }
}

function spansOfTerm(term: MatrixTerm): readonly TensorSpan[] {
  if (term.kind === 'tensor') return [term.span];
  if (term.kind === 'values') return [];
  return term.task.kind === 'dense' ? [term.base, term.task.span] : [];
}

/** Whether the first `count` numbers are finite: of those, and of no others, is zero times the number zero. */
function isFinite(values: Float64Array, count: number): boolean {
  let zero = 0;
  for (let i = 0; i < count; i++) zero += 0 * (values[i] as number);
  return zero === 0;
}

function addScaled(sum: Float64Array, values: Float64Array, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (values[i] as number);
}
