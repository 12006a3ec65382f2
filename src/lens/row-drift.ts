import { success, type Result } from '../protocol/result';
import { rowsOfSpan, rowSource, type RowPair } from './embedding-tensors';
import type { LensContext } from './lens';
import { readMatrices, type MatrixWork } from './matrix-pass';

/** How far every row of a pair moved. */
export interface RowDrift {
  readonly pair: RowPair;
  /** ‖τ‖ of every common row; NaN where it is not finite. */
  readonly moved: Float64Array;
  /** ‖θ₀‖ of every common row. */
  readonly before: Float64Array;
  /** cos(θ₀, θ) of every common row; NaN where undefined. */
  readonly cosines: Float64Array;
  /** Mean ‖θ‖ of the rows that only the task has; `null` without any. */
  readonly newNorm: number | null;
  readonly bytesRead: number;
}

const BYTES_PER_DOUBLE = 8;
/** A block of rows of base and task is on its way to a worker and back while others are worked on. */
const SHARE_OF_BUDGET = 1 / 32;

/** Rows that are read together: as many as fit into a small part of the memory budget. */
export function rowBlocks(
  rows: number,
  columns: number,
  memoryBudget: number,
): { first: number; count: number }[] {
  const most = Math.max(1, Math.floor((memoryBudget * SHARE_OF_BUDGET) / (columns * BYTES_PER_DOUBLE)));
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => ({
    first: index * most,
    count: Math.min(most, rows - index * most),
  }));
}

/** ‖τ‖, ‖θ₀‖ and cos(θ₀, θ) of every common row, streamed block by block. Fails as reading does, or with `cancelled`. */
export async function rowDrift(pair: RowPair, context: LensContext): Promise<Result<RowDrift>> {
  const { common, columns } = pair;
  const [moved, before, cosines] = [
    new Float64Array(common),
    new Float64Array(common),
    new Float64Array(common),
  ];
  const blocks = rowBlocks(common, columns, context.memoryBudget);
  const work: MatrixWork[] = blocks.flatMap(({ first, count }) =>
    (['before', 'delta'] as const).map((what) => ({
      operation: { kind: 'values' as const },
      load: () => Promise.resolve(success(rowSource(pair, what, first, count))),
    })),
  );
  let own: Float64Array | null = null;
  const read = await readMatrices(
    work,
    context,
    ({ values }, index) => {
      const block = blocks[Math.floor(index / 2)];
      if (index % 2 === 0) own = values;
      else if (block && own && values) {
        for (let row = 0; row < block.count; row++) {
          const sums = rowSums(own, values, row * columns, columns);
          const at = block.first + row;
          moved[at] = Math.sqrt(sums.delta);
          before[at] = Math.sqrt(sums.before);
          const after = sums.before + 2 * sums.dot + sums.delta;
          cosines[at] = (sums.before + sums.dot) / Math.sqrt(sums.before * Math.max(0, after));
        }
      }
    },
    'Reading rows',
  );
  if (!read.ok) return read;
  const added = await newRows(pair, context);
  if (!added.ok) return added;
  const taskBytes = pair.after.kind === 'dense' ? pair.after.span.bytes : 0;
  return success({
    pair, moved, before, cosines, newNorm: added.value,
    bytesRead: rowsOfSpan(pair.base.span, 0, common).bytes * 2 + taskBytes,
  }); // prettier-ignore
}

function rowSums(before: Float64Array, delta: Float64Array, start: number, columns: number) {
  const sums = { before: 0, delta: 0, dot: 0 };
  for (let at = start; at < start + columns; at++) {
    const [x, d] = [before[at] as number, delta[at] as number];
    sums.before += x * x;
    sums.delta += d * d;
    sums.dot += x * d;
  }
  return sums;
}

async function newRows(
  { after, common, columns, taskRows }: RowPair,
  context: LensContext,
): Promise<Result<number | null>> {
  if (after.kind !== 'dense' || taskRows <= common) return success(null);
  const blocks = rowBlocks(taskRows - common, columns, context.memoryBudget);
  const work: MatrixWork[] = blocks.map(({ first, count }) => ({
    operation: { kind: 'values' },
    load: () => {
      const span = rowsOfSpan(after.span, common + first, count);
      return Promise.resolve(
        success({ rows: count, columns, terms: [{ kind: 'tensor' as const, weight: 1, span }] }),
      );
    },
  }));
  let sum = 0;
  const silent = { ...context, progress: () => undefined, log: (message: string) => context.log(message) };
  const read = await readMatrices(work, silent, ({ values, rows }) => {
    for (let row = 0; values && row < rows; row++) {
      let squares = 0;
      for (let at = row * columns; at < (row + 1) * columns; at++) squares += (values[at] as number) ** 2;
      sum += Math.sqrt(squares);
    }
  });
  return read.ok ? success(sum / (taskRows - common)) : read;
}
