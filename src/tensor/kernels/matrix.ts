import type { Problem } from '../../protocol/result';
import { factoredSquares } from '../factor-products';
import { squaresOf, transposed, type Dense } from '../linear/dense';
import { wholeMatrix } from '../linear/entries';
import { LONGEST_SIDE, spectrumOf } from '../linear/large-spectrum';
import { lowRankSvd, lowRankValues } from '../linear/low-rank-svd';
import { NEVER, type Stop } from '../linear/stop';
import { svd, type Svd } from '../linear/svd';
import { firstOf, truncatedSvdOf } from '../linear/truncated-svd';
import type { MatrixOperation, MatrixOutcome, MatrixSource } from '../matrix-source';
import type { OpenFiles } from '../open-files';
import type { LowRankDelta, PassItem } from '../pass';
import { alignment, factoredAlignment, type Alignment } from './alignment';
import { factorPairs } from './factor-pairs';
import { hasFiniteFactors } from './low-rank-rows';
import { MatrixReader, NotFinite, ReadFailed } from './matrix-reader';
import { FactorRoom } from './stored-factors';

type MatrixItem = Extract<PassItem, { kind: 'matrix' }>;

/** Entries of a matrix that is handed over as such: 512 MiB of doubles. */
const MOST_VALUES = 2 ** 26;
/** Entries of a matrix that is decomposed as a whole: five copies of 128 MiB. */
const MOST_DECOMPOSED = 2 ** 24;

/**
 * Works a matrix item off as a whole. `stop` is called every now and then, and may throw to end it. A matrix that is
 * too large for what is wanted of it comes back with the reason in `tooLarge`. Stored factors are read into `room`.
 */
export function reduceMatrix(
  { source, operation }: MatrixItem,
  files: OpenFiles,
  stop: Stop = NEVER,
  room = new FactorRoom(),
): MatrixOutcome | Problem {
  const held = (stored: MatrixSource) => room.load(stored, files);
  try {
    if (operation.kind === 'squares') return decompose(held(unturned(source)), operation, files, stop);
    if (operation.kind === 'factorPairs') {
      const { rows, columns } = source;
      return { ...NOTHING, rows, columns, pairs: factorPairs(source, operation.left, files, stop) };
    }
    return operation.kind === 'alignment'
      ? align(held(source), operation.parts, files, stop, held)
      : decompose(held(source), operation, files, stop);
  } catch (error) {
    if (error instanceof ReadFailed) return error.problem;
    throw error;
  }
}

/** Lengths do not depend on how factors are turned, so nothing is copied for it. */
function unturned(source: MatrixSource): MatrixSource {
  const terms = source.terms.map((term) =>
    term.kind === 'delta' && term.task.kind === 'stored'
      ? { ...term, task: { ...term.task, transposed: false } }
      : term,
  );
  return terms.length === 1 ? { ...source, terms } : source;
}

type Decomposition = Exclude<MatrixOperation, { kind: 'alignment' | 'factorPairs' }>;

function decompose(
  source: MatrixSource,
  operation: Decomposition,
  files: OpenFiles,
  stop: Stop,
): MatrixOutcome {
  const factors = soleFactors(source);
  if (factors !== null && operation.kind === 'squares') {
    const { rows, columns } = source;
    return { ...NOTHING, rows, columns, squares: Float64Array.of(factoredSquares(factors)) };
  }
  if (
    factors !== null &&
    operation.kind !== 'values' &&
    operation.kind !== 'squares' &&
    hasFiniteFactors(factors)
  ) {
    return outcomeOfFactors(source, operation, factors);
  }
  const { rows, columns } = source;
  const stopsAtOdd = operation.kind !== 'values' && operation.kind !== 'squares';
  const reader = new MatrixReader(source, files, stopsAtOdd);
  try {
    const found = workOn(reader, operation, source.transposed === true, stop);
    return { ...NOTHING, rows, columns, nonFinite: reader.nonFinite, ...found };
  } catch (error) {
    if (error instanceof NotFinite) return { ...NOTHING, rows, columns, nonFinite: error.count };
    throw error;
  }
}

/** One part is held at a time, beside the left vectors. `held` is a source with its stored factors in memory. */
function align(
  source: MatrixSource,
  parts: readonly MatrixSource[],
  files: OpenFiles,
  stop: Stop,
  held: (stored: MatrixSource) => MatrixSource,
): MatrixOutcome {
  const found = decompose(source, { kind: 'svd', rank: null }, files, stop);
  if (found.left === null || found.singular === null) return found;
  const k = found.singular.length;
  const left: Dense = { rows: found.rows, columns: k, values: found.left };
  const energies = new Float64Array(parts.length * k);
  const squares = new Float64Array(parts.length);
  for (const [index, part] of parts.entries()) {
    const own = alignPart(left, held(part), files);
    energies.set(own.energies, index * k);
    squares[index] = own.squares;
    stop();
  }
  return { ...found, left: null, right: null, energies, squares };
}

function alignPart(left: Dense, part: MatrixSource, files: OpenFiles): Alignment {
  const factors = part.transposed === true ? null : soleFactors(part);
  if (factors !== null) return factoredAlignment(left, factors);
  const stored = wholeMatrix(new MatrixReader(part, files, false));
  return alignment(left, part.transposed === true ? transposed(stored) : stored);
}

const NOTHING = {
  kind: 'matrix',
  nonFinite: 0,
  values: null,
  singular: null,
  left: null,
  right: null,
  energies: null,
  squares: null,
  error: null,
} as const;

type Found = Partial<MatrixOutcome>;

function workOn(reader: MatrixReader, operation: Decomposition, turned: boolean, stop: Stop): Found {
  const { rows, columns } = reader;
  if (operation.kind === 'values') {
    if (rows * columns > MOST_VALUES)
      return { tooLarge: tooMany(reader, MOST_VALUES, 'handed over as a whole') };
    const matrix = wholeMatrix(reader);
    return { values: (turned ? transposed(matrix) : matrix).values };
  }
  if (operation.kind === 'squares') return { squares: Float64Array.of(squaresOf(wholeMatrix(reader))) };
  if (operation.kind === 'singularValues') {
    const found = spectrumOf(reader, stop);
    return found === null
      ? { tooLarge: sideTooLong(reader) }
      : { singular: found.values, error: found.error };
  }
  if (operation.rank !== null) return vectors(truncatedSvdOf(reader, operation.rank, stop), turned);
  if (rows * columns > MOST_DECOMPOSED) {
    return { tooLarge: tooMany(reader, MOST_DECOMPOSED, 'decomposed with all of its singular vectors') };
  }
  return vectors(svd(wholeMatrix(reader), stop), turned);
}

function tooMany({ rows, columns }: MatrixReader, most: number, done: string): string {
  return `A ${rows} × ${columns} matrix has ${rows * columns} entries; up to ${most} can be ${done}.`;
}

function sideTooLong({ rows, columns, hasColumns }: MatrixReader): string {
  const shape = `The shorter side of a ${rows} × ${columns} matrix`;
  return hasColumns || rows > columns
    ? `${shape} is longer than ${LONGEST_SIDE}: its Gram matrix does not fit in memory.`
    : `${shape} is its rows, whose packed entries can only be read as a whole and do not fit in memory.`;
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
  operation: Exclude<Decomposition, { kind: 'values' | 'squares' }>,
  factors: LowRankDelta,
): MatrixOutcome {
  if (operation.kind === 'singularValues') {
    const { values, error } = lowRankValues(factors);
    return { ...NOTHING, rows, columns, singular: values, error };
  }
  const found = firstOf(lowRankSvd(factors), operation.rank ?? Infinity);
  return { ...NOTHING, rows, columns, ...vectors(found, turned === true) };
}

function vectors({ left, values, right, error }: Svd, turned: boolean): Found {
  return turned
    ? { singular: values, left: transposed(right).values, right: transposed(left).values, error }
    : { singular: values, left: left.values, right: right.values, error };
}
