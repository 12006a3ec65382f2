import type { TensorEntry } from '../format/checkpoint';
import { networkOrder } from '../model/naming';
import type { Study } from '../model/study';
import type { TaskVector } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import { cancelled, success, type Result } from '../protocol/result';
import { lowRankInner, lowRankSquares } from '../tensor/low-rank';
import type { GroupSums, LowRankDelta } from '../tensor/pass';
import { loadLowRank, readGroups, type TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { skippedEntries } from './skipped-entries';

/** The Gram matrix of all tasks in one tensor. */
export interface TensorGram {
  readonly tensor: string;
  /** ⟨τᵢ, τⱼ⟩, tasks × tasks, row-major; 0 where a task leaves the tensor unchanged. */
  readonly gram: Float64Array;
  /** Number of entries; Σθ₀² and by task Σθ², `null` where the base was not read or the task lacks the tensor. */
  readonly count: number | null;
  readonly baseSquares: number | null;
  readonly taskSquares: readonly (number | null)[];
  /** Which tasks have the tensor: an adapter has every one, a fine-tune those that it stores with a finite entry. */
  readonly has: readonly boolean[];
}

/** The Gram matrices of all tensors that some task changes, in network order. */
export interface TaskGram {
  readonly tensors: readonly TensorGram[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/**
 * Inner products of all task vectors in every tensor, in one pass. Where only adapters touch a tensor they come from
 * the factors alone, ⟨s₁B₁A₁, s₂B₂A₂⟩ = s₁s₂ Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ), and the base is not read, unless `withBase` asks for its norms and those of θ.
 */
export async function taskGram(
  study: Study,
  context: LensContext,
  withBase = false,
): Promise<Result<TaskGram>> {
  const entries = new Map(study.base?.tensors.map((entry) => [entry.name, entry]) ?? []);
  const names = networkOrder([...new Set(study.tasks.flatMap(({ deltas }) => [...deltas.keys()]))]);
  const streamed: TensorGroup[] = [];
  const factored: string[] = [];
  for (const name of names) {
    const group = groupOf(name, entries.get(name), study.tasks, withBase);
    if (group) streamed.push(group);
    else factored.push(name);
  }
  const dense = await readGroups(streamed, false, context);
  if (!dense.ok) return dense;
  const grams = new Map<string, Float64Array>();
  const withoutEntry = new Map<string, ReadonlySet<number>>();
  const norms = new Map<string, Pick<TensorGram, 'count' | 'baseSquares' | 'taskSquares'>>();
  for (const [index, group] of streamed.entries()) {
    const sums = dense.value.sums[index];
    if (!sums) continue;
    grams.set(group.base.name, spread(sums.gram, group, study.tasks.length));
    withoutEntry.set(group.base.name, tasksWithoutEntry(sums, group));
    norms.set(group.base.name, normsOf(sums, group, study.tasks.length));
  }
  const lowRank = await factoredGrams(factored, study.tasks, context);
  if (!lowRank.ok) return lowRank;
  for (const [name, gram] of lowRank.value.grams) grams.set(name, gram);
  return success({
    tensors: names.flatMap((tensor) => {
      const gram = grams.get(tensor);
      const without = withoutEntry.get(tensor);
      const has = study.tasks.map(
        ({ kind, deltas }, task) => !without?.has(task) && (kind === 'factored' || deltas.has(tensor)),
      );
      return gram ? [{ tensor, gram, has, ...(norms.get(tensor) ?? UNREAD) }] : [];
    }),
    findings: skippedEntries(study, streamed, dense.value.sums),
    bytesRead: dense.value.bytesRead + lowRank.value.bytesRead,
  });
}

/** The tasks that change a tensor; `null` where all of them are adapters, so that nothing needs streaming. */
function groupOf(
  name: string,
  base: TensorEntry | undefined,
  tasks: readonly TaskVector[],
  withBase: boolean,
): TensorGroup | null {
  const members = tasks.flatMap(({ deltas }, task) => {
    const delta = deltas.get(name);
    return delta ? [{ task, delta }] : [];
  });
  const streams = withBase || members.some(({ delta }) => delta.kind !== 'lowRank');
  return base && streams ? { base, members } : null;
}

/** The tasks of which no entry could be compared: where one is not finite on either side, τ is undefined, not 0. */
function tasksWithoutEntry({ count, tasks }: GroupSums, { members }: TensorGroup): ReadonlySet<number> {
  const without = members.filter((_, position) => count > 0 && tasks[position]?.skipped === count);
  return new Set(without.map(({ task }) => task));
}

const UNREAD = { count: null, baseSquares: null, taskSquares: [] };

function normsOf(
  { count, baseSquares, tasks }: GroupSums,
  { members }: TensorGroup,
  all: number,
): Pick<TensorGram, 'count' | 'baseSquares' | 'taskSquares'> {
  const taskSquares = new Array<number | null>(all).fill(null);
  for (const [position, { task }] of members.entries())
    taskSquares[task] = tasks[position]?.taskSquares ?? null;
  return { count, baseSquares, taskSquares };
}

/** The Gram matrix of a group's members, spread over all tasks. */
function spread(gram: Float64Array, { members }: TensorGroup, tasks: number): Float64Array {
  const all = new Float64Array(tasks * tasks);
  for (const [i, x] of members.entries()) {
    for (const [j, y] of members.entries())
      all[x.task * tasks + y.task] = gram[i * members.length + j] as number;
  }
  return all;
}

async function factoredGrams(
  names: readonly string[],
  tasks: readonly TaskVector[],
  context: LensContext,
): Promise<Result<{ grams: ReadonlyMap<string, Float64Array>; bytesRead: number }>> {
  const grams = new Map<string, Float64Array>();
  let bytesRead = 0;
  for (const [index, name] of names.entries()) {
    if (context.signal.aborted) return cancelled();
    const loaded: (LowRankDelta | null)[] = [];
    for (const { deltas } of tasks) {
      const delta = deltas.get(name);
      const read = delta?.kind === 'lowRank' ? await loadLowRank(delta) : null;
      if (read && !read.ok) return read;
      bytesRead += read?.value.bytesRead ?? 0;
      loaded.push(read?.value.delta ?? null);
    }
    grams.set(name, gramOf(loaded));
    context.progress((index + 1) / names.length, 'Multiplying factors');
  }
  return success({ grams, bytesRead });
}

function gramOf(deltas: readonly (LowRankDelta | null)[]): Float64Array {
  const n = deltas.length;
  const gram = new Float64Array(n * n);
  for (const [i, x] of deltas.entries()) {
    for (const [j, y] of deltas.slice(0, i + 1).entries()) {
      // Adapters of different models may share a name but not a shape; without a base nobody has compared them.
      if (!x || !y || x.rows !== y.rows || x.columns !== y.columns) continue;
      gram[i * n + j] = gram[j * n + i] = i === j ? lowRankSquares(x) : lowRankInner(x, y);
    }
  }
  return gram;
}
