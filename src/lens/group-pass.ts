import type { TensorEntry } from '../format/checkpoint';
import type { TensorDelta } from '../model/task-vector';
import { cancelled, success, type Result } from '../protocol/result';
import type { GroupSums, GroupTask, LowRankDelta, PassItem } from '../tensor/pass';
import type { LensContext } from './lens';

/** One tensor of the base with the deltas of some tasks, to be read together. */
export interface TensorGroup {
  readonly base: TensorEntry;
  readonly members: readonly GroupMember[];
}

/** The delta of one task, by the task's index in the study. */
export interface GroupMember {
  readonly task: number;
  readonly delta: TensorDelta;
}

export interface GroupResults {
  /** In the order of the groups; tasks in the order of a group's members. */
  readonly sums: readonly GroupSums[];
  readonly bytesRead: number;
}

const BYTES_PER_DOUBLE = 8;
/** Factors are held here and, copied, by a worker; the rest of the budget is the lens's own. */
const SHARE_OF_BUDGET = 1 / 4;
/** What a tensor costs while it is on its way to the workers and back, whatever its size: messages and their copies. */
const BYTES_PER_SPAN = 8192;

/**
 * Reads every group once and sums what task vectors need. Groups are read, and factors of adapters loaded, a batch at a
 * time, so that both stay within the memory budget. Progress runs from 0 to 1 by bytes. Fails as reading does, or with `cancelled`.
 */
export async function readGroups(
  groups: readonly TensorGroup[],
  elementwise: boolean,
  context: LensContext,
): Promise<Result<GroupResults>> {
  const total = groups.reduce((sum, group) => sum + streamedBytes(group), 0);
  const sums: GroupSums[] = [];
  let streamed = 0;
  let factors = 0;
  for (const batch of batchesOf(groups, context.memoryBudget * SHARE_OF_BUDGET)) {
    if (context.signal.aborted) return cancelled();
    const items = await itemsOf(batch, elementwise);
    if (!items.ok) return items;
    const before = streamed;
    const outcomes = await context.passes.run(items.value, {
      signal: context.signal,
      onBytes: (done) => context.progress(total > 0 ? (before + done) / total : 1, 'Reading tensors'),
    });
    if (!outcomes.ok) return outcomes;
    for (const outcome of outcomes.value) if (outcome.kind === 'group') sums.push(outcome);
    streamed += batch.reduce((sum, group) => sum + streamedBytes(group), 0);
    factors += batch.reduce((sum, group) => sum + factorBytes(group), 0);
  }
  return success({ sums, bytesRead: streamed + factors });
}

/** Loads the factors of an adapter's delta, and counts their bytes on disk. */
export async function loadLowRank(
  delta: Extract<TensorDelta, { kind: 'lowRank' }>,
): Promise<Result<{ delta: LowRankDelta; bytesRead: number }>> {
  const loaded = await delta.load();
  return loaded.ok
    ? success({ delta: loaded.value, bytesRead: delta.a.span.bytes + delta.b.span.bytes })
    : loaded;
}

async function itemsOf(batch: readonly TensorGroup[], elementwise: boolean): Promise<Result<PassItem[]>> {
  const items: PassItem[] = [];
  for (const { base, members } of batch) {
    const tasks: GroupTask[] = [];
    for (const { delta } of members) {
      if (delta.kind === 'dense') tasks.push({ kind: 'dense', span: delta.span });
      else {
        const loaded = await loadLowRank(delta);
        if (!loaded.ok) return loaded;
        tasks.push({ kind: 'lowRank', delta: loaded.value.delta });
      }
    }
    items.push({ kind: 'group', base: base.span, tasks, elementwise });
  }
  return success(items);
}

/** Cuts the groups into runs that fit into `limit` bytes; a larger one stands alone. */
function batchesOf(groups: readonly TensorGroup[], limit: number): TensorGroup[][] {
  const batches: TensorGroup[][] = [];
  let room = 0;
  for (const group of groups) {
    const needed = heldBytes(group);
    const last = batches.at(-1);
    if (last && needed <= room) {
      last.push(group);
      room -= needed;
    } else {
      batches.push([group]);
      room = limit - needed;
    }
  }
  return batches;
}

function streamedBytes({ base, members }: TensorGroup): number {
  return members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'dense' ? delta.span.bytes : 0),
    base.span.bytes,
  );
}

function factorBytes({ members }: TensorGroup): number {
  return members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'dense' ? 0 : delta.a.span.bytes + delta.b.span.bytes),
    0,
  );
}

function heldBytes({ members }: TensorGroup): number {
  return members.reduce(
    (sum, { delta }) =>
      sum +
      (delta.kind === 'dense'
        ? BYTES_PER_SPAN
        : (delta.a.span.count + delta.b.span.count) * BYTES_PER_DOUBLE),
    BYTES_PER_SPAN,
  );
}
