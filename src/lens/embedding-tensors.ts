import type { TensorEntry } from '../format/checkpoint';
import { bestNameChange, changeName } from '../model/base-tensor';
import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { TaskVector } from '../model/task-vector';
import { vocabularyMatrices } from '../model/vocabulary';
import { success, type Result } from '../protocol/result';
import type { GroupTask } from '../tensor/pass';
import type { MatrixSource, MatrixTerm } from '../tensor/matrix-source';
import type { TensorSpan } from '../tensor/span';
import { loadTask } from './group-pass';

/** An embedding (or output head) of the base beside that of a task; row i of both is the same token. */
export interface RowPair {
  readonly task: string;
  /** The base's tensor. */
  readonly base: TensorEntry;
  readonly module: string;
  /** Rows that both have: the first ones, since a vocabulary grows at its end. */
  readonly common: number;
  readonly columns: number;
  readonly baseRows: number;
  readonly taskRows: number;
  readonly after: GroupTask;
}

/** Pairs of one task. A vocabulary of another size is compared by its common rows. Fails as reading factors does. */
export async function rowPairs(study: Study, task: TaskVector): Promise<Result<RowPair[]>> {
  const pairs: RowPair[] = [];
  for (const base of vocabularyMatrices(study.base?.tensors ?? [])) {
    const after = await afterOf(study, task, base);
    if (!after.ok) return after;
    if (!after.value) continue;
    const [baseRows = 0, columns = 0] = base.span.shape;
    const taskRows = after.value.kind === 'dense' ? (after.value.span.shape[0] ?? 0) : baseRows;
    pairs.push({
      task: task.name, base, module: placeOf(base.name).module,
      common: Math.min(baseRows, taskRows), columns, baseRows, taskRows, after: after.value,
    }); // prettier-ignore
  }
  return success(pairs);
}

async function afterOf(
  study: Study,
  task: TaskVector,
  base: TensorEntry,
): Promise<Result<RowPair['after'] | null>> {
  const delta = task.deltas.get(base.name);
  if (delta) return loadTask(delta);
  const span = resized(study, task, base);
  return success(span ? { kind: 'dense', span } : null);
}

/** The tensor of the same name with another number of rows; it is left out of the task vector. */
function resized(study: Study, { kind, checkpoint }: TaskVector, base: TensorEntry): TensorSpan | null {
  if (kind !== 'dense') return null;
  const known = new Set(study.base?.tensors.map(({ name }) => name));
  const change = bestNameChange(
    checkpoint.tensors.map(({ name }) => name),
    (name) => known.has(name),
  );
  const entry = checkpoint.tensors.find(({ name }) => (changeName(name, change) ?? name) === base.name);
  const fits = entry?.span.shape.length === 2 && entry.span.shape[1] === base.span.shape[1];
  return fits ? entry.span : null;
}

/** Some rows of a tensor of two dimensions, as a tensor of their own. */
export function rowsOfSpan(span: TensorSpan, first: number, count: number): TensorSpan {
  const columns = span.shape[1] ?? 0;
  const bytesPerRow = span.bytes / (span.shape[0] ?? 1);
  return {
    ...span,
    offset: span.offset + first * bytesPerRow,
    bytes: count * bytesPerRow,
    shape: [count, columns],
    count: count * columns,
  };
}

/** Rows of θ₀, τ or θ of a pair as a matrix source. */
export function rowSource(
  pair: RowPair,
  what: 'before' | 'delta' | 'after',
  first: number,
  count: number,
): MatrixSource {
  const { base, after, columns } = pair;
  const span = rowsOfSpan(base.span, first, count);
  const before: MatrixTerm = { kind: 'tensor', weight: 1, span };
  if (what === 'before') return { rows: count, columns, terms: [before] };
  if (after.kind === 'dense') {
    const own = rowsOfSpan(after.span, first, count);
    const terms: MatrixTerm[] =
      what === 'after'
        ? [{ kind: 'tensor', weight: 1, span: own }]
        : [{ kind: 'delta', weight: 1, base: span, task: { kind: 'dense', span: own } }];
    return { rows: count, columns, terms };
  }
  const { delta } = after;
  const b = delta.b.subarray(first * delta.rank, (first + count) * delta.rank);
  const term: MatrixTerm = {
    kind: 'delta',
    weight: 1,
    base: span,
    task: { kind: 'lowRank', delta: { ...delta, b, rows: count } },
  };
  return { rows: count, columns, terms: what === 'after' ? [before, term] : [term] };
}
