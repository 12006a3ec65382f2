import { decoder, type Decoder } from '../decode';
import { productOfA } from '../low-rank';
import type { GroupSums, GroupTask, LowRankDelta, PassItem, TaskSums } from '../pass';
import { vectorGroupOf } from './group-vectors';
import { BLOCK, type ChunkData, type Kernel, type Scratch } from './kernel';
import {
  formEntries,
  hasFiniteFactors,
  inner,
  innerOfRows,
  blockOfRows,
  innerWithRows,
  rowLengthOf,
} from './low-rank-rows';
import { addAnyPairs, addFinitePairs, finiteSquares, noPairSums, type PairSums } from './pair-sums';

type GroupItem = Extract<PassItem, { kind: 'group' }>;

/**
 * A base tensor and its tasks: everything a task vector's profile and Gram matrix need, in one reading.
 *
 * Entries that are not finite: `baseSquares` covers the finite entries of the base, whatever the tasks hold there. A
 * task's sums cover the entries where base, task and their difference are all finite; the others are its `skipped`.
 * ⟨τᵢ, τⱼ⟩ covers the entries that neither task skips, so the diagonal of the Gram matrix is `deltaSquares`.
 *
 * Low-rank tasks are summed from their factors: ‖θ₀ + τ‖² = ‖θ₀‖² + 2⟨θ₀, τ⟩ + ‖τ‖² with ⟨θ₀, sBA⟩ = s·Σ (θ₀Aᵀ) ∘ B.
 * Their entries are formed, one block at a time, only where elementwise figures are asked for, where the base or a
 * factor holds an entry that is not finite, and where blocks cannot be whole rows (`rowLengthOf`).
 */
export const group: Kernel<GroupItem, GroupSums> = {
  prepare(item, scratch) {
    const plan = planGroup(item);
    return (chunk) => reduceChunk(plan, chunk, scratch);
  },
  merge: mergeGroups,
};

interface GroupPlan {
  readonly item: GroupItem;
  readonly tasks: readonly PlannedTask[];
  /** AᵢAⱼᵀ of every two tasks that are summed from their factors, at i · tasks + j. */
  readonly products: readonly (Float64Array | null)[];
  readonly rowLength: number | null;
  readonly blockLength: number;
}

interface PlannedTask {
  readonly task: GroupTask;
  /** The factors where sums may be taken from them, block by block; else `null`. */
  readonly factors: LowRankDelta | null;
  /** Position among the spans of the group, the base being 0; unused for a low-rank task. */
  readonly span: number;
  /** False where float64 on disk may make products underflow, so that every entry needs a second look. */
  readonly narrow: boolean;
}

/** One block of one chunk while it is being summed. */
interface Block {
  /** Flat index of its first element in the tensor, and within the chunk. */
  readonly start: number;
  readonly first: number;
  readonly count: number;
  readonly base: Float64Array;
  readonly baseSquares: number;
  /** Whether low-rank tasks may be summed from their factors here. */
  readonly factorable: boolean;
}

/** Sums over a chunk as they grow. */
export interface ChunkSums {
  baseSquares: number;
  readonly tasks: readonly PairSums[];
  /** Filled above the diagonal only. */
  readonly gram: Float64Array;
}

function planGroup(item: GroupItem): GroupPlan {
  const rowLength = rowLengthOf(item);
  let spans = 1;
  const tasks = item.tasks.map((task): PlannedTask => {
    if (task.kind === 'dense') {
      const narrow = item.base.dtype !== 'F64' && task.span.dtype !== 'F64';
      return { task, factors: null, span: spans++, narrow };
    }
    const factors = rowLength !== null && hasFiniteFactors(task.delta) ? task.delta : null;
    return { task, factors, span: 0, narrow: item.base.dtype !== 'F64' };
  });
  const products = tasks.flatMap(({ factors: x }) =>
    tasks.map(({ factors: y }) => (x === null || y === null ? null : productOfA(x, y))),
  );
  return {
    item,
    tasks,
    products,
    rowLength,
    blockLength: rowLength === null ? BLOCK : blockOfRows(rowLength),
  };
}

function reduceChunk(plan: GroupPlan, chunk: ChunkData, scratch: Scratch): GroupSums {
  const { item, tasks, blockLength } = plan;
  const decodeBase = decoder(item.base.dtype, chunk.bytes[0] ?? EMPTY);
  const decodeTasks = tasks.map(({ task, span }) =>
    task.kind === 'dense' ? decoder(task.span.dtype, chunk.bytes[span] ?? EMPTY) : null,
  );
  const sums: ChunkSums = {
    baseSquares: 0,
    tasks: tasks.map(noPairSums),
    gram: new Float64Array(tasks.length ** 2),
  };
  const vectors = vectorGroupOf(item, chunk, scratch.vectors);
  const length = chunk.end - chunk.start;
  const after = (first: number) => vectors?.add(first + blockLength) ?? first + blockLength;
  for (let first = vectors?.add(0) ?? 0; first < length; first = after(first)) {
    const place = { start: chunk.start + first, first, count: Math.min(blockLength, length - first) };
    const block = readBase(plan, place, decodeBase, scratch);
    sums.baseSquares += block.baseSquares;
    const deltas = tasks.map((_, t) => addTask(plan, t, block, decodeTasks[t] ?? null, scratch, sums));
    addInnerProducts(plan, block, deltas, sums.gram);
  }
  vectors?.finish(sums);
  return groupSums(item, length, sums);
}

const EMPTY = new Uint8Array(0);

type Place = Pick<Block, 'start' | 'first' | 'count'>;

function readBase(plan: GroupPlan, place: Place, decode: Decoder, scratch: Scratch): Block {
  const base = scratch.block(0, plan.blockLength);
  decode(place.first, place.count, base);
  const { squares, allFinite } = finiteSquares(base, place.count);
  const { rowLength } = plan;
  const wholeRows = rowLength !== null && place.start % rowLength === 0 && place.count % rowLength === 0;
  return { ...place, base, baseSquares: squares, factorable: allFinite && wholeRows };
}

/** Adds one task's sums over a block; returns its τ there, or `null` where the factors stand for it. */
function addTask(
  plan: GroupPlan,
  t: number,
  block: Block,
  decode: Decoder | null,
  scratch: Scratch,
  sums: ChunkSums,
): Float64Array | null {
  const planned = plan.tasks[t] as PlannedTask;
  const into = sums.tasks[t] as PairSums;
  if (planned.factors !== null && block.factorable) {
    addFactored(planned.factors, plan.products[t * plan.tasks.length + t] ?? NO_PRODUCT, block, into);
    return null;
  }
  const { base, count } = block;
  const values = scratch.block(1, plan.blockLength);
  const delta = scratch.block(2 + t, plan.blockLength);
  if (planned.task.kind === 'lowRank') {
    formEntries(planned.task.delta, block.start, count, delta);
    for (let i = 0; i < count; i++) values[i] = (base[i] as number) + (delta[i] as number);
  } else {
    decode?.(block.first, count, values);
    for (let i = 0; i < count; i++) delta[i] = (values[i] as number) - (base[i] as number);
  }
  if (!planned.narrow || !addFinitePairs(base, values, delta, count, into))
    addAnyPairs(base, values, delta, count, into);
  return delta;
}

const NO_PRODUCT = new Float64Array(0);

function addFactored(delta: LowRankDelta, product: Float64Array, block: Block, into: PairSums): void {
  const first = block.start / delta.columns;
  const end = first + block.count / delta.columns;
  // Both are sums of squares, so only rounding can make them negative.
  const squares = Math.max(0, innerOfRows(delta, delta, product, first, end));
  const inner = innerWithRows(block.base, block.count, first, delta);
  into.deltaSquares += squares;
  into.dot += block.baseSquares + inner;
  into.taskSquares += Math.max(0, block.baseSquares + 2 * inner + squares);
}

/** Adds ⟨τᵢ, τⱼ⟩ over a block for i < j. The rest of the matrix follows from these and `deltaSquares`. */
function addInnerProducts(
  plan: GroupPlan,
  block: Block,
  deltas: readonly (Float64Array | null)[],
  gram: Float64Array,
): void {
  const size = deltas.length;
  for (let i = 0; i < size; i++) {
    for (let j = i + 1; j < size; j++) {
      const cell = i * size + j;
      gram[cell] = (gram[cell] as number) + innerProduct(plan, block, deltas, i, j);
    }
  }
}

function innerProduct(
  plan: GroupPlan,
  block: Block,
  deltas: readonly (Float64Array | null)[],
  i: number,
  j: number,
): number {
  const x = deltas[i] ?? null;
  const y = deltas[j] ?? null;
  if (x !== null && y !== null) return inner(x, 0, y, 0, block.count);
  const xFactors = plan.tasks[i]?.factors ?? null;
  const yFactors = plan.tasks[j]?.factors ?? null;
  const first = block.start / (plan.rowLength ?? 1);
  if (x !== null && yFactors !== null) return innerWithRows(x, block.count, first, yFactors);
  if (y !== null && xFactors !== null) return innerWithRows(y, block.count, first, xFactors);
  if (xFactors === null || yFactors === null) return 0;
  const product = plan.products[i * deltas.length + j] ?? NO_PRODUCT;
  return innerOfRows(xFactors, yFactors, product, first, first + block.count / (plan.rowLength ?? 1));
}

function groupSums(item: GroupItem, count: number, sums: ChunkSums): GroupSums {
  const size = item.tasks.length;
  const gram = Float64Array.from(sums.gram, (_, cell) => {
    const i = Math.floor(cell / size);
    const j = cell % size;
    if (i === j) return sums.tasks[i]?.deltaSquares ?? 0;
    return sums.gram[Math.min(i, j) * size + Math.max(i, j)] as number;
  });
  const tasks = item.tasks.map((task, t) => {
    const known = task.kind === 'dense' || item.elementwise;
    return taskSums(sums.tasks[t] ?? noPairSums(), known);
  });
  return { kind: 'group', count, baseSquares: sums.baseSquares, tasks, gram };
}

function taskSums(sums: PairSums, elementwise: boolean): TaskSums {
  return elementwise
    ? { ...sums }
    : { ...sums, deltaAbsMax: null, identical: null, signFlips: null, skipped: null };
}

function mergeGroups(before: GroupSums, after: GroupSums): GroupSums {
  return {
    kind: 'group',
    count: before.count + after.count,
    baseSquares: before.baseSquares + after.baseSquares,
    tasks: before.tasks.map((task, t) => mergeTasks(task, after.tasks[t] ?? task)),
    gram: before.gram.map((sum, cell) => sum + (after.gram[cell] ?? 0)),
  };
}

function mergeTasks(before: TaskSums, after: TaskSums): TaskSums {
  return {
    taskSquares: before.taskSquares + after.taskSquares,
    dot: before.dot + after.dot,
    deltaSquares: before.deltaSquares + after.deltaSquares,
    deltaAbsMax: known(before.deltaAbsMax, after.deltaAbsMax, Math.max),
    identical: known(before.identical, after.identical, sum),
    signFlips: known(before.signFlips, after.signFlips, sum),
    skipped: known(before.skipped, after.skipped, sum),
  };
}

function known(x: number | null, y: number | null, join: (x: number, y: number) => number): number | null {
  return x === null || y === null ? null : join(x, y);
}

function sum(x: number, y: number): number {
  return x + y;
}
