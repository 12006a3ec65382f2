import type { TensorEntry } from '../format/checkpoint';
import type { TensorDelta } from '../model/task-vector';
import { cancelled, success, type Result } from '../protocol/result';
import type { MatrixOperation, MatrixOutcome, MatrixSource, MatrixTerm } from '../tensor/matrix-source';
import { loadLowRank } from './group-pass';
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

/** Matrices sent to the workers together. */
const BATCH = 16;

/**
 * Works off matrices in the workers, side by side, a batch at a time. `take` gets every outcome in order, so that a lens
 * need not hold them all. Progress runs from 0 to 1 by number. Fails as reading does, or with `cancelled`.
 */
export async function readMatrices(
  work: readonly MatrixWork[],
  context: LensContext,
  take: (outcome: MatrixOutcome, index: number) => void,
  message = 'Working on matrices',
): Promise<Result<null>> {
  for (let first = 0; first < work.length; first += BATCH) {
    if (context.signal.aborted) return cancelled();
    const batch = work.slice(first, first + BATCH);
    const items = [];
    for (const { operation, load } of batch) {
      const source = await load();
      if (!source.ok) return source;
      items.push({ kind: 'matrix' as const, source: source.value, operation });
    }
    const outcomes = await context.passes.run(items, { signal: context.signal });
    if (!outcomes.ok) return outcomes;
    outcomes.value.forEach((outcome, index) => {
      if (outcome.kind === 'matrix') take(outcome, first + index);
    });
    context.progress(Math.min(1, (first + batch.length) / work.length), message);
  }
  return success(null);
}

/** Rows and columns of a tensor taken as a matrix: the first dimension × the rest; `null` for fewer than two dimensions. */
export function matrixShape({ span }: TensorEntry): { rows: number; columns: number } | null {
  const [rows, ...rest] = span.shape;
  if (rows === undefined || rest.length === 0 || span.count === 0) return null;
  return { rows, columns: span.count / rows };
}

/** A tensor as a matrix source; `null` for fewer than two dimensions. */
export function tensorSource(entry: TensorEntry): MatrixSource | null {
  const shape = matrixShape(entry);
  return shape && { ...shape, terms: [{ kind: 'tensor', weight: 1, span: entry.span }] };
}

/** τ of one tensor as a matrix source, its factors loaded where it is low-rank; a tensor of one dimension is one row. */
export async function deltaSource(base: TensorEntry, delta: TensorDelta): Promise<Result<MatrixSource>> {
  const term = await deltaTerm(base, delta, 1);
  if (!term.ok) return term;
  const shape = matrixShape(base) ?? { rows: 1, columns: base.span.count };
  return success({ ...shape, terms: [term.value] });
}

/** `weight · τ` as a term of a sum. */
export async function deltaTerm(
  base: TensorEntry,
  delta: TensorDelta,
  weight: number,
): Promise<Result<MatrixTerm>> {
  if (delta.kind === 'dense') {
    return success({
      kind: 'delta',
      weight,
      base: base.span,
      task: { kind: 'dense', span: delta.span },
    });
  }
  const loaded = await loadLowRank(delta);
  if (!loaded.ok) return loaded;
  return success({
    kind: 'delta',
    weight,
    base: base.span,
    task: { kind: 'lowRank', delta: loaded.value.delta },
  });
}
