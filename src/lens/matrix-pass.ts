import type { TensorEntry } from '../format/checkpoint';
import type { FactoredDelta, TensorDelta } from '../model/task-vector';
import { cancelled, success, type Result } from '../protocol/result';
import type {
  MatrixOperation,
  MatrixOutcome,
  MatrixSource,
  MatrixTerm,
  StoredFactors,
} from '../tensor/matrix-source';
import type { GroupTask, PassItem } from '../tensor/pass';
import { loadLowRank, loadTask } from './group-pass';
import type { LensContext } from './lens';

/** A matrix and what is wanted of it. `load` is called just before the matrix is worked on, so that few factors are held at once. */
export interface MatrixWork {
  readonly operation: MatrixOperation;
  readonly load: () => Promise<Result<MatrixSource>>;
}

export interface MatrixResults {
  /** In the order of the work. */
  readonly outcomes: readonly MatrixOutcome[];
}

/** Matrices sent to the workers together, at most: between two batches a worker may wait for the other. */
const BATCH = 64;
/** Factors in memory and outcomes of a batch are held here and, copied, by a worker; the rest is the lens's own. */
const SHARE_OF_BUDGET = 1 / 4;
const BYTES_PER_DOUBLE = 8;

/**
 * Works off matrices in the workers, side by side, as many at a time as the memory budget has room for. `take` gets every
 * outcome in order, so that a lens need not hold them all. Progress runs from 0 to 1 by number. Fails as reading does, or
 * with `cancelled`.
 */
export async function readMatrices(
  work: readonly MatrixWork[],
  context: LensContext,
  take: (outcome: MatrixOutcome, index: number) => void,
  message = 'Working on matrices',
): Promise<Result<null>> {
  let done = 0;
  let batch: MatrixItem[] = [];
  let room = context.memoryBudget * SHARE_OF_BUDGET;
  const flush = async (): Promise<Result<null>> => {
    const count = batch.length;
    const outcomes = await context.passes.run(batch, {
      signal: context.signal,
      onBytes: (read, total) =>
        context.progress((done + (total > 0 ? (count * read) / total : 0)) / work.length, message),
    });
    if (!outcomes.ok) return outcomes;
    for (const [index, outcome] of outcomes.value.entries()) {
      if (outcome.kind === 'matrix') take(outcome, done + index);
    }
    done += count;
    batch = [];
    room = context.memoryBudget * SHARE_OF_BUDGET;
    context.progress(done / work.length, message);
    return success(null);
  };
  for (const { operation, load } of work) {
    if (context.signal.aborted) return cancelled();
    const source = await load();
    if (!source.ok) return source;
    const large = isLarge(source.value, operation, context.memoryBudget);
    const needed = large ? Infinity : heldBytes(source.value, operation);
    if (batch.length === BATCH || (batch.length > 0 && needed > room)) {
      const flushed = await flush();
      if (!flushed.ok) return flushed;
    }
    batch.push({ kind: 'matrix', source: source.value, operation });
    room -= needed;
  }
  return batch.length > 0 ? flush() : success(null);
}

type MatrixItem = Extract<PassItem, { kind: 'matrix' }>;

/** Bytes of what a source brings along and of what comes of it. */
function heldBytes({ rows, columns, terms }: MatrixSource, operation: MatrixOperation): number {
  const parts = operation.kind === 'alignment' ? operation.parts : [];
  const brought = [...terms, ...parts.flatMap((part) => part.terms)].reduce((sum, term) => {
    if (term.kind === 'values') return sum + term.values.length;
    if (term.kind === 'tensor' || term.task.kind === 'stored') return sum;
    if (term.task.kind === 'dense') return sum + (term.task.span.memory ? term.task.span.count : 0);
    return sum + term.task.delta.a.length + term.task.delta.b.length;
  }, 0);
  if (operation.kind === 'factorPairs') return (brought + 2 * terms.length ** 2) * BYTES_PER_DOUBLE;
  const most = Math.min(rows, columns);
  const kept = operation.kind === 'svd' ? Math.min(operation.rank ?? most, most) : 0;
  const outcome =
    operation.kind === 'values' ? rows * columns : most * (1 + parts.length) + kept * (rows + columns);
  return (brought + outcome) * BYTES_PER_DOUBLE;
}

/** Whether a matrix is so large that two workers at once, each with one and its vectors, would need too much memory. */
function isLarge(
  { rows, columns, terms }: MatrixSource,
  operation: MatrixOperation,
  budget: number,
): boolean {
  if (operation.kind === 'factorPairs') return false;
  const formed =
    terms.length > 1 || terms.some((term) => term.kind !== 'delta' || term.task.kind === 'dense');
  return formed && operation.kind !== 'singularValues' && rows * columns * BYTES_PER_DOUBLE > budget / 8;
}

/** Rows and columns of a tensor taken as a matrix: the first dimension × the rest; `null` for fewer than two dimensions. */
export function matrixShape({ span }: Pick<TensorEntry, 'span'>): { rows: number; columns: number } | null {
  const [rows, ...rest] = span.shape;
  if (rows === undefined || rest.length === 0 || span.count === 0) return null;
  return { rows, columns: span.count / rows };
}

/** A tensor as a matrix source; `null` for fewer than two dimensions. */
export function tensorSource(entry: TensorEntry): MatrixSource | null {
  const shape = matrixShape(entry);
  return shape && { ...shape, terms: [{ kind: 'tensor', weight: 1, span: entry.span }] };
}

/**
 * τ of one tensor as a matrix source; a tensor of one dimension is one row. What is stored is read by the worker, all else
 * is formed here. Fails as forming does.
 */
export async function deltaSource({ span }: TensorEntry, delta: TensorDelta): Promise<Result<MatrixSource>> {
  const shape = matrixShape({ span }) ?? { rows: 1, columns: span.count };
  const task = await matrixTask(delta);
  return task.ok
    ? success({ ...shape, terms: [{ kind: 'delta', weight: 1, base: span, task: task.value }] })
    : task;
}

async function matrixTask(delta: TensorDelta): Promise<Result<GroupTask | StoredFactors>> {
  const stored = delta.kind === 'lowRank' ? storedFactors(delta) : null;
  return stored ? success(stored) : loadTask(delta);
}

/** s·B·A of an adapter that is looked at without its base, as a matrix source. Fails as forming factors does. */
export async function factorSource(delta: FactoredDelta): Promise<Result<MatrixSource>> {
  const task = storedFactors(delta);
  if (!task) return formedSource(delta);
  const [outputs, inputs] = [task.b.count / task.rank, task.a.count / task.rank];
  const [rows, columns] = task.transposed ? [inputs, outputs] : [outputs, inputs];
  // Nothing of the base is read: the span only says in messages what is meant.
  return success({ rows, columns, terms: [{ kind: 'delta', weight: 1, base: task.b, task }] });
}

/** The same of factors that are stored nowhere. */
async function formedSource(delta: FactoredDelta): Promise<Result<MatrixSource>> {
  const loaded = await loadLowRank(delta);
  if (!loaded.ok) return loaded;
  const { rows, columns } = loaded.value.delta;
  const shape = [rows, columns];
  const base = {
    path: '',
    offset: 0,
    bytes: 4 * rows * columns,
    dtype: 'F32' as const,
    shape,
    count: rows * columns,
  };
  const task = { kind: 'lowRank' as const, delta: loaded.value.delta };
  return success({ rows, columns, terms: [{ kind: 'delta', weight: 1, base, task }] });
}

/** The factors of one tensor where they are stored; `null` where they are formed. */
function storedFactors({ scale, rank, stored }: FactoredDelta): StoredFactors | null {
  return stored && { kind: 'stored', scale, rank, ...stored };
}

/** `weight · τ` as a term of a sum. */
export async function deltaTerm(
  base: TensorEntry,
  delta: TensorDelta,
  weight: number,
): Promise<Result<MatrixTerm>> {
  const task = await loadTask(delta);
  return task.ok ? success({ kind: 'delta', weight, base: base.span, task: task.value }) : task;
}
