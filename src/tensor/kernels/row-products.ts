import type { PassItem } from '../pass';
import type { MergeRule, RowProducts } from '../row-products';
import { BLOCK, type Kernel, type Scratch } from './kernel';
import { inner } from './low-rank-rows';
import { squaresOf, sumOf, TaskBlocks } from './task-blocks';

type RowProductsItem = Extract<PassItem, { kind: 'rowProducts' }>;

/** A merge of several task vectors against each of them, row by row. Chunks must be whole rows. */
export const rowProducts: Kernel<RowProductsItem, RowProducts> = {
  prepare(item, scratch) {
    const { rowLength, tasks } = item;
    return (chunk) => {
      const blocks = new TaskBlocks(item, chunk, scratch);
      const rows = Math.ceil((chunk.end - chunk.start) / rowLength);
      const sums: RowProducts = {
        kind: 'rowProducts',
        rows,
        dots: new Float64Array(rows * tasks.length),
        squares: new Float64Array(rows * tasks.length),
        merged: new Float64Array(rows),
        skipped: new Float64Array(tasks.length),
      };
      for (let row = 0; row < rows; row++) {
        for (let done = 0; done < rowLength; done += BLOCK) {
          const count = Math.min(BLOCK, rowLength - done);
          blocks.start(row * rowLength + done, count);
          addBlock(item, blocks, count, scratch, sums, row);
        }
      }
      return sums;
    };
  },
  merge: (before, after) => ({
    kind: 'rowProducts',
    rows: before.rows + after.rows,
    dots: joined(before.dots, after.dots),
    squares: joined(before.squares, after.squares),
    merged: joined(before.merged, after.merged),
    skipped: sumOf(before.skipped, after.skipped),
  }),
};

/** Blocks 0 and 1 of the scratch hold the base and the merge, those from 2 on the tasks. */
function addBlock(
  { tasks, merge }: RowProductsItem,
  blocks: TaskBlocks,
  count: number,
  scratch: Scratch,
  sums: RowProducts,
  row: number,
): void {
  const deltas = tasks.map((_, t) => scratch.block(2 + t, BLOCK));
  deltas.forEach((delta, t) => {
    sums.skipped[t] = (sums.skipped[t] as number) + blocks.read(t, delta);
  });
  const merged = scratch.block(1, BLOCK);
  mergeInto(merged, deltas, count, merge);
  for (const [t, delta] of deltas.entries()) {
    const at = row * tasks.length + t;
    sums.dots[at] = (sums.dots[at] as number) + inner(delta, 0, merged, 0, count);
    sums.squares[at] = (sums.squares[at] as number) + squaresOf(delta, count);
  }
  sums.merged[row] = (sums.merged[row] as number) + squaresOf(merged, count);
}

function mergeInto(
  target: Float64Array,
  deltas: readonly Float64Array[],
  count: number,
  rule: MergeRule,
): void {
  target.fill(0, 0, count);
  if (rule.kind === 'weighted') {
    for (const [t, delta] of deltas.entries()) {
      const weight = rule.weights[t] ?? 0;
      for (let i = 0; i < count; i++) target[i] = (target[i] as number) + weight * (delta[i] as number);
    }
    return;
  }
  for (const delta of deltas) {
    for (let i = 0; i < count; i++) target[i] = (target[i] as number) + (delta[i] as number);
  }
  for (let i = 0; i < count; i++)
    target[i] = rule.scale * meanOfAgreeing(deltas, i, Math.sign(target[i] as number));
}

function meanOfAgreeing(deltas: readonly Float64Array[], at: number, sign: number): number {
  let sum = 0;
  let agreeing = 0;
  for (const delta of deltas) {
    const value = delta[at] as number;
    if (value * sign <= 0) continue;
    sum += value;
    agreeing++;
  }
  return agreeing > 0 ? sum / agreeing : 0;
}

function joined(before: Float64Array, after: Float64Array): Float64Array {
  const all = new Float64Array(before.length + after.length);
  all.set(before);
  all.set(after, before.length);
  return all;
}
