import { bytesFor, decodeInto } from '../decode';
import { byteRange } from '../chunks';
import type { Dense } from '../linear/dense';
import { transposed } from '../linear/dense';
import { lowRankSvd } from '../linear/low-rank-svd';
import { singularValues, svd, type Svd } from '../linear/svd';
import { truncatedSvd } from '../linear/truncated-svd';
import type { MatrixOperation, MatrixOutcome, MatrixSource, MatrixTerm } from '../matrix-source';
import type { OpenFiles } from '../open-files';
import type { LowRankDelta, PassItem } from '../pass';
import type { Problem } from '../../protocol/result';
import type { TensorSpan } from '../span';
import { alignment, factoredAlignment, type Alignment } from './alignment';
import { formEntries } from './low-rank-rows';

type MatrixItem = Extract<PassItem, { kind: 'matrix' }>;

/** Works a matrix item off as a whole: reads its terms, sums them, and does what is wanted. */
export function reduceMatrix({ source, operation }: MatrixItem, files: OpenFiles): MatrixOutcome | Problem {
  if (operation.kind === 'alignment') return align(source, operation.parts, files);
  return decompose(source, operation, files);
}

type Decomposition = Exclude<MatrixOperation, { kind: 'alignment' }>;

function decompose(
  source: MatrixSource,
  operation: Decomposition,
  files: OpenFiles,
): MatrixOutcome | Problem {
  const factors = soleFactors(source);
  if (factors !== null && operation.kind !== 'values' && isFiniteDelta(factors)) {
    return outcomeOfFactors(source, operation, factors);
  }
  const matrix = readMatrix(source, files);
  return 'code' in matrix ? matrix : outcomeOf(matrix, operation);
}

/** One part is held at a time, beside the left vectors. */
function align(
  source: MatrixSource,
  parts: readonly MatrixSource[],
  files: OpenFiles,
): MatrixOutcome | Problem {
  const found = decompose(source, { kind: 'svd', rank: null }, files);
  if ('code' in found || found.left === null || found.singular === null) return found;
  const k = found.singular.length;
  const left: Dense = { rows: found.rows, columns: k, values: found.left };
  const energies = new Float64Array(parts.length * k);
  const squares = new Float64Array(parts.length);
  for (const [index, part] of parts.entries()) {
    const own = alignPart(left, part, files);
    if ('code' in own) return own;
    energies.set(own.energies, index * k);
    squares[index] = own.squares;
  }
  return { ...found, left: null, right: null, energies, squares };
}

function alignPart(left: Dense, part: MatrixSource, files: OpenFiles): Alignment | Problem {
  const factors = part.transposed === true ? null : soleFactors(part);
  if (factors !== null) return factoredAlignment(left, factors);
  const matrix = readMatrix(part, files);
  return 'code' in matrix ? matrix : alignment(left, matrix);
}

/** The matrix of a source, summed in float64. Fails as reading does. */
export function readMatrix(source: MatrixSource, files: OpenFiles): Dense | Problem {
  const count = source.rows * source.columns;
  const sum = new Float64Array(count);
  for (const term of source.terms) {
    const problem = addTerm(term, sum, files);
    if (problem !== null) return problem;
  }
  const { rows, columns } = source;
  if (source.transposed !== true) return { rows, columns, values: sum };
  return transposed({ rows: columns, columns: rows, values: sum });
}

function addTerm(term: MatrixTerm, sum: Float64Array, files: OpenFiles): Problem | null {
  const { weight } = term;
  if (term.kind === 'values') {
    addScaled(sum, term.values, weight);
    return null;
  }
  if (term.kind === 'tensor') return addSpan(term.span, term.first ?? 0, weight, sum, files);
  const { task } = term;
  if (task.kind === 'lowRank') {
    const entries = new Float64Array(sum.length);
    formEntries(task.delta, 0, sum.length, entries);
    addScaled(sum, entries, weight);
    return null;
  }
  const problem = addSpan(task.span, term.first ?? 0, weight, sum, files);
  return problem ?? addSpan(term.base, term.first ?? 0, -weight, sum, files);
}

function addSpan(
  span: TensorSpan,
  first: number,
  weight: number,
  sum: Float64Array,
  files: OpenFiles,
): Problem | null {
  // Piece by piece: the bytes of a large tensor are never held beside its values.
  const piece = 2 ** 18;
  const bytes = new Uint8Array(bytesFor(span.dtype, piece));
  const values = new Float64Array(Math.min(piece, sum.length));
  for (let start = 0; start < sum.length; start += piece) {
    const count = Math.min(piece, sum.length - start);
    const range = byteRange(span, first + start, first + start + count);
    const target = bytes.subarray(0, range.length);
    const problem = files.read(span, range.offset, target);
    if (problem !== null) return problem;
    const decoded = decodeInto(span.dtype, target, values.subarray(0, count));
    for (let i = 0; i < count; i++) {
      sum[start + i] = (sum[start + i] as number) + weight * (decoded[i] as number);
    }
  }
  return null;
}

function addScaled(sum: Float64Array, values: Float64Array, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (values[i] as number);
}

function outcomeOf(matrix: Dense, operation: Decomposition): MatrixOutcome {
  const nonFinite = countNonFinite(matrix.values);
  const rest = { nonFinite, rows: matrix.rows, columns: matrix.columns };
  if (operation.kind === 'values') return { ...nothing(rest), values: matrix.values };
  if (nonFinite > 0) return nothing(rest);
  if (operation.kind === 'singularValues') {
    const { values, error } = singularValues(matrix);
    return { ...nothing(rest), singular: values, error };
  }
  const found = operation.rank === null ? svd(matrix) : truncatedSvd(matrix, operation.rank);
  return withVectors(rest, found);
}

/** The factors of a source that is one low-rank task vector. */
function soleFactors({ terms }: MatrixSource): LowRankDelta | null {
  const [term] = terms;
  if (terms.length !== 1 || term?.kind !== 'delta' || term.task.kind !== 'lowRank') return null;
  const { delta } = term.task;
  return { ...delta, scale: delta.scale * term.weight };
}

function outcomeOfFactors(
  { rows, columns, transposed: turned }: MatrixSource,
  operation: Exclude<Decomposition, { kind: 'values' }>,
  factors: LowRankDelta,
): MatrixOutcome {
  const found = lowRankSvd(factors);
  const rest = { nonFinite: 0, rows, columns };
  if (operation.kind === 'singularValues') {
    return { ...nothing(rest), singular: found.values, error: found.error };
  }
  const kept = Math.min(operation.rank ?? Infinity, found.values.length);
  const whole =
    turned === true ? { ...found, left: transposed(found.right), right: transposed(found.left) } : found;
  return withVectors(rest, cut(whole, kept));
}

function cut({ left, values, right, error }: Svd, kept: number): Svd {
  if (kept === values.length) return { left, values, right, error };
  const columns = new Float64Array(left.rows * kept);
  for (let i = 0; i < left.rows; i++) {
    columns.set(left.values.subarray(i * left.columns, i * left.columns + kept), i * kept);
  }
  return {
    left: { rows: left.rows, columns: kept, values: columns },
    values: values.slice(0, kept),
    right: { rows: kept, columns: right.columns, values: right.values.slice(0, kept * right.columns) },
    error,
  };
}

type Rest = Pick<MatrixOutcome, 'rows' | 'columns' | 'nonFinite'>;

function nothing(rest: Rest): MatrixOutcome {
  return {
    kind: 'matrix',
    ...rest,
    values: null,
    singular: null,
    left: null,
    right: null,
    energies: null,
    squares: null,
    error: null,
  };
}

function withVectors(rest: Rest, { left, values, right, error }: Svd): MatrixOutcome {
  return { ...nothing(rest), singular: values, left: left.values, right: right.values, error };
}

function countNonFinite(values: Float64Array): number {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  return count;
}

function isFiniteDelta({ a, b, scale }: LowRankDelta): boolean {
  return Number.isFinite(scale) && countNonFinite(a) === 0 && countNonFinite(b) === 0;
}
