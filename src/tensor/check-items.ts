import type { Problem } from '../protocol/result';
import { bytesFor } from './decode';
import { isComplex } from './dtype';
import type { MatrixSource, StoredFactors } from './matrix-source';
import type { FusedItem, LowRankDelta, PassItem } from './pass';
import type { TensorSpan } from './span';

/** The first reason why an item cannot be worked on, found without opening a file; `null` where there is none. */
export function checkItem(item: PassItem): Problem | null {
  if ('span' in item) return checkSpan(item.span);
  if (item.kind === 'matrix') {
    const parts = item.operation.kind === 'alignment' ? item.operation.parts : [];
    for (const source of [item.source, ...parts]) {
      const problem = checkMatrix(source);
      if (problem !== null) return problem;
    }
    return null;
  }
  if (item.kind === 'fused') return checkParts(item);
  const own = checkSpan(item.base);
  if (own !== null) return own;
  for (const task of 'tasks' in item ? item.tasks : [item.task]) {
    const problem =
      task.kind === 'dense' ? checkDense(item.base, task.span) : checkLowRank(item.base, task.delta);
    if (problem !== null) return problem;
  }
  return null;
}

function checkParts({ parts }: FusedItem): Problem | null {
  for (const { item } of parts) {
    const problem = checkItem(item);
    if (problem !== null) return problem;
  }
  return null;
}

function checkSpan(span: TensorSpan): Problem | null {
  if (isComplex(span.dtype)) {
    return {
      code: 'dtype-not-real',
      message: `${place(span)} holds complex numbers (${span.dtype}), which have no order and no single value.`,
      action: 'Leave this tensor out, or store its real and imaginary parts as two tensors.',
      path: span.path,
      at: String(span.offset),
    };
  }
  const expected = bytesFor(span.dtype, span.count);
  if (expected === span.bytes) return null;
  return {
    code: 'tensor-size-mismatch',
    message: `${place(span)}: ${span.count} elements of ${span.dtype} take ${expected} bytes, not ${span.bytes}.`,
    action: 'The file is damaged or was written by a faulty program: write it anew.',
    path: span.path,
    at: String(span.offset),
  };
}

function checkMatrix({ rows, columns, terms }: MatrixSource): Problem | null {
  const count = rows * columns;
  for (const term of terms) {
    if (term.kind === 'values') {
      if (term.values.length !== count)
        throw new RangeError(`${term.values.length} values are no ${rows} × ${columns} matrix`);
      continue;
    }
    const { first = 0 } = term;
    const spans =
      term.kind === 'tensor' ? [term.span] : term.task.kind === 'dense' ? [term.base, term.task.span] : [];
    for (const span of spans) {
      const problem = checkSpan(span);
      if (problem !== null) return problem;
      if (first + count > span.count) {
        return shapeProblem(
          span,
          `a ${rows} × ${columns} matrix from element ${first} on is wanted`,
          span.path,
        );
      }
    }
    if (term.kind === 'delta' && term.task.kind === 'stored') {
      const problem = checkStored(term.base, term.task, count);
      if (problem !== null) return problem;
    }
    if (term.kind === 'delta' && term.task.kind === 'lowRank') {
      const { delta } = term.task;
      if (delta.rows * delta.columns !== count) {
        return shapeProblem(
          term.base,
          `the adapter's product is ${delta.rows} × ${delta.columns}`,
          term.base.path,
        );
      }
    }
  }
  return null;
}

function checkStored(base: TensorSpan, { a, b, rank }: StoredFactors, count: number): Problem | null {
  const [rows, columns] = [b.count / rank, a.count / rank];
  if (rows * columns !== count || !Number.isInteger(rows) || !Number.isInteger(columns)) {
    return shapeProblem(base, `the adapter's product is ${rows} × ${columns} of rank ${rank}`, base.path);
  }
  return checkSpan(a) ?? checkSpan(b);
}

function checkDense(base: TensorSpan, task: TensorSpan): Problem | null {
  if (task.count !== base.count) {
    return shapeProblem(base, `${place(task)} has ${task.count} elements`, task.path);
  }
  return checkSpan(task);
}

function checkLowRank(base: TensorSpan, delta: LowRankDelta): Problem | null {
  const { rows, columns, rank, a, b } = delta;
  const consistent = b.length === rows * rank && a.length === rank * columns;
  if (consistent && rows * columns === base.count) return null;
  return shapeProblem(base, `the adapter's product is ${rows} × ${columns} of rank ${rank}`, base.path);
}

function shapeProblem(base: TensorSpan, found: string, path: string): Problem {
  return {
    code: 'shape-mismatch',
    message: `${found}, but the base tensor at ${place(base)} has ${base.count}.`,
    action: 'Compare with the base that this was trained from.',
    path,
  };
}

function place(span: TensorSpan): string {
  return `${span.path}, byte ${span.offset}`;
}
