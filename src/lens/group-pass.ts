import type { TensorEntry } from '../format/checkpoint';
import type { FactoredDelta, TensorDelta } from '../model/task-vector';
import { cancelled, success, type Result } from '../protocol/result';
import type { GroupSums, GroupTask, LowRankDelta, PassItem, PassOutcome } from '../tensor/pass';
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

/** Sums of a group without the inner products of its tasks, which take most room where tensors are small and many. */
export type GroupNorms = Omit<GroupSums, 'gram'>;

/** What is asked of every group of a stream. */
export interface GroupWork<Item extends PassItem> {
  /** The item for a group, its tasks in the order of the members. */
  itemOf(group: TensorGroup, tasks: readonly GroupTask[]): Item;
  /** Gets every outcome, in the order of the groups, so that a lens need not hold them all. */
  take(outcome: PassOutcome, group: TensorGroup): void;
  /** Bytes of an outcome, of which there may be several at once; little where not given. */
  outcomeBytes?(group: TensorGroup): number;
  /** Whether items about low-rank tasks alone leave the base unread; they read it where not given. */
  readonly factorsAlone?: boolean;
}

/** Every task of every group in a group of its own, for items about one task. */
export function singleGroups(groups: readonly TensorGroup[]): TensorGroup[] {
  return groups.flatMap(({ base, members }) => members.map((member) => ({ base, members: [member] })));
}

/** Reads every group once and sums what task vectors need, as {@link streamGroups} does. */
export async function readGroups(
  groups: readonly TensorGroup[],
  elementwise: boolean,
  context: LensContext,
): Promise<Result<GroupResults>> {
  const sums: GroupSums[] = [];
  const read = await streamGroups(groups, context, {
    itemOf: ({ base }, tasks) => ({ kind: 'group', base: base.span, tasks, elementwise }),
    take: (outcome) => {
      if (outcome.kind === 'group') sums.push(outcome);
    },
  });
  return read.ok ? success({ sums, bytesRead: read.value }) : read;
}

/** {@link readGroups} without the inner products of tasks: what is kept of a tensor is a few numbers. */
export async function readNorms(
  groups: readonly TensorGroup[],
  elementwise: boolean,
  context: LensContext,
): Promise<Result<{ readonly sums: readonly GroupNorms[]; readonly bytesRead: number }>> {
  const sums: GroupNorms[] = [];
  const read = await streamGroups(groups, context, {
    itemOf: ({ base }, tasks) => ({ kind: 'group', base: base.span, tasks, elementwise }),
    take: (outcome) => {
      if (outcome.kind !== 'group') return;
      const { kind, count, baseSquares, tasks } = outcome;
      sums.push({ kind, count, baseSquares, tasks });
    },
  });
  return read.ok ? success({ sums, bytesRead: read.value }) : read;
}

/**
 * Reads every group once, with one item for each; gives the number of bytes read. Groups are read, and factors of
 * adapters loaded, a batch at a time, so that both stay within the memory budget. Progress runs from 0 to 1 by bytes.
 * Fails as reading does, or with `cancelled`.
 */
export async function streamGroups<Item extends PassItem>(
  groups: readonly TensorGroup[],
  context: LensContext,
  work: GroupWork<Item>,
): Promise<Result<number>> {
  const readBytes = (group: TensorGroup) => streamedBytes(group, work.factorsAlone ?? false);
  // What is formed in memory passes through the workers, too.
  const passBytes = (group: TensorGroup) => readBytes(group) + formedBytes(group);
  const total = groups.reduce((sum, group) => sum + passBytes(group), 0);
  let passed = 0;
  const held = (group: TensorGroup) => heldBytes(group) + (work.outcomeBytes?.(group) ?? 0);
  let streamed = 0;
  let factors = 0;
  for (const batch of batchesOf(groups, context.memoryBudget * SHARE_OF_BUDGET, held)) {
    if (context.signal.aborted) return cancelled();
    const items = await itemsOf(batch, work);
    if (!items.ok) return items;
    const before = passed;
    const outcomes = await context.passes.run(items.value, {
      signal: context.signal,
      onBytes: (done) => context.progress(total > 0 ? (before + done) / total : 1, 'Reading tensors'),
    });
    if (!outcomes.ok) return outcomes;
    outcomes.value.forEach((outcome, index) => {
      const group = batch[index];
      if (group) work.take(outcome, group);
    });
    streamed += batch.reduce((sum, group) => sum + readBytes(group), 0);
    passed += batch.reduce((sum, group) => sum + passBytes(group), 0);
    factors += batch.reduce((sum, group) => sum + factorBytes(group), 0);
  }
  return success(streamed + factors);
}

/** Loads the factors of an adapter's delta, and counts their bytes on disk. */
export async function loadLowRank(
  delta: FactoredDelta,
): Promise<Result<{ delta: LowRankDelta; bytesRead: number }>> {
  const loaded = await delta.load();
  return loaded.ok ? success({ delta: loaded.value, bytesRead: delta.bytes }) : loaded;
}

/** A delta as the workers take it: factors are loaded, and a tensor that is stored nowhere is formed. */
export async function loadTask(delta: TensorDelta): Promise<Result<GroupTask>> {
  if (delta.kind === 'dense') return success({ kind: 'dense', span: delta.span });
  if (delta.kind === 'formed') {
    const formed = await delta.load();
    return formed.ok ? success({ kind: 'dense', span: formed.value }) : formed;
  }
  const factors = await delta.load();
  return factors.ok ? success({ kind: 'lowRank', delta: factors.value }) : factors;
}

async function itemsOf<Item extends PassItem>(
  batch: readonly TensorGroup[],
  work: GroupWork<Item>,
): Promise<Result<Item[]>> {
  const items: Item[] = [];
  for (const group of batch) {
    const tasks: GroupTask[] = [];
    for (const { delta } of group.members) {
      const task = await loadTask(delta);
      if (!task.ok) return task;
      tasks.push(task.value);
    }
    items.push(work.itemOf(group, tasks));
  }
  return success(items);
}

/** Cuts the groups into runs that fit into `limit` bytes; a larger one stands alone. */
function batchesOf(
  groups: readonly TensorGroup[],
  limit: number,
  held: (group: TensorGroup) => number,
): TensorGroup[][] {
  const batches: TensorGroup[][] = [];
  let room = 0;
  for (const group of groups) {
    const needed = held(group);
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

function streamedBytes({ base, members }: TensorGroup, factorsAlone: boolean): number {
  if (factorsAlone && members.every(({ delta }) => delta.kind === 'lowRank')) return 0;
  return members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'dense' ? delta.span.bytes : 0),
    base.span.bytes,
  );
}

function formedBytes({ members }: TensorGroup): number {
  return members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'formed' ? delta.count * BYTES_PER_DOUBLE : 0),
    0,
  );
}

function factorBytes({ members }: TensorGroup): number {
  return members.reduce((sum, { delta }) => sum + (delta.kind === 'dense' ? 0 : delta.bytes), 0);
}

function heldBytes({ members }: TensorGroup): number {
  return members.reduce((sum, { delta }) => sum + heldBytesOf(delta), BYTES_PER_SPAN);
}

/** What a delta takes in memory while its group is worked on. */
function heldBytesOf(delta: TensorDelta): number {
  switch (delta.kind) {
    case 'dense':
      return BYTES_PER_SPAN;
    case 'formed':
      return BYTES_PER_SPAN + delta.count * BYTES_PER_DOUBLE;
    case 'lowRank':
      return delta.parameters * BYTES_PER_DOUBLE;
  }
}
