// A pass runner that is slow and obvious: whole tensors as plain arrays, one loop per figure. The oracle for the fast one.
import * as fs from 'node:fs';
import { success } from '../../src/protocol/result';
import type { DtypeName } from '../../src/tensor/dtype';
import type {
  BinCounts,
  GroupSums,
  GroupTask,
  LowRankDelta,
  Moments,
  PassItem,
  PassOutcome,
  PassRunner,
  TaskSums,
} from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';
import { slowAxisSquares } from '../tensor/slow-axes';
import {
  slowMagnitudes,
  slowMasks,
  slowRowBands,
  slowSigns,
  slowValues,
  type Taus,
} from '../tensor/slow-masks';
import { slowRowProducts } from '../tensor/slow-row-products';
import { slowMatrix } from './slow-matrix';

/** Runs passes one after the other on the calling thread. `reads` counts what was asked for. */
export function slowPasses(): PassRunner & { readonly items: PassItem[] } {
  const asked: PassItem[] = [];
  return {
    items: asked,
    run: (items, { onBytes }) => {
      asked.push(...items);
      onBytes?.(1, 1);
      return Promise.resolve(success(items.map(outcomeOf)));
    },
  };
}

function outcomeOf(item: PassItem): PassOutcome {
  if (item.kind === 'moments') return momentsOf(readValues(item.span));
  if (item.kind === 'group') return groupOf(item);
  if (item.kind === 'deltaHistogram') return binsOf(item);
  if (item.kind === 'matrix') return slowMatrix(item, readValues);
  if (item.kind === 'axisSquares') return slowAxisSquares(readValues(item.span), item.columns, item.depth);
  if (item.kind === 'signs') return slowSigns(tausOfItem(item), item.base.count, item.epsilon);
  if (item.kind === 'masks') return slowMasks(tausOfItem(item), item.base.count, item.lambdas, item.grid);
  if (item.kind === 'deltaMoments') return momentsOf(tauOfItem(item));
  if (item.kind === 'magnitudes') return slowMagnitudes(tauOfItem(item), item.mantissaBits);
  if (item.kind === 'magnitudeValues') return slowValues(tauOfItem(item), item.mantissaBits, item.bins);
  if (item.kind === 'rowBands') return slowRowBands(tauOfItem(item), item.rowLength, item.keep, item.drop);
  if (item.kind === 'rowProducts') return slowRowProducts(tausOfItem(item), item.rowLength, item.merge);
  throw new Error(`no lens asks for ${item.kind}`);
}

/** All values of a tensor as doubles. */
export function readValues(span: TensorSpan): number[] {
  const bytes = Buffer.alloc(span.bytes);
  const file = fs.openSync(span.path, 'r');
  fs.readSync(file, bytes, 0, span.bytes, span.offset);
  fs.closeSync(file);
  return listOf(span.count, (index) => readValue(bytes, span.dtype, index));
}

/** What `Array.from({ length })` gives, in a tenth of the time. */
function listOf(length: number, entry: (index: number) => number): number[] {
  const list: number[] = [];
  for (let index = 0; index < length; index++) list.push(entry(index));
  return list;
}

const wide = Buffer.alloc(4);

function readValue(bytes: Buffer, dtype: DtypeName, index: number): number {
  if (dtype === 'F32') return bytes.readFloatLE(index * 4);
  if (dtype === 'F64') return bytes.readDoubleLE(index * 8);
  if (dtype === 'I64') return Number(bytes.readBigInt64LE(index * 8));
  if (dtype === 'BF16') {
    // A bfloat16 is the upper half of a float32.
    wide.writeUInt16LE(bytes.readUInt16LE(index * 2), 2);
    return wide.readFloatLE(0);
  }
  throw new Error(`the samples hold no ${dtype}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function momentsOf(values: readonly number[]): Moments {
  const finite = values.filter(Number.isFinite);
  const mean = finite.length > 0 ? sum(finite) / finite.length : 0;
  return {
    kind: 'moments',
    count: values.length,
    finite: finite.length,
    mean,
    m2: sum(finite.map((value) => (value - mean) ** 2)),
    min: finite.reduce((least, value) => Math.min(least, value), Infinity),
    max: finite.reduce((most, value) => Math.max(most, value), -Infinity),
    l1: sum(finite.map(Math.abs)),
    squares: sum(finite.map((value) => value * value)),
    zeros: finite.filter((value) => value === 0).length,
    nan: values.filter(Number.isNaN).length,
    inf: values.filter((value) => Math.abs(value) === Infinity).length,
    nonFinite: values
      .map((value, index) => ({ index, value }))
      .filter(({ value }) => !Number.isFinite(value))
      .slice(0, 8)
      .map(({ index, value }) => ({
        index,
        value: Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf',
      })),
  };
}

/** s·B·A, every element, row-major. */
export function product({ scale, b, a, rows, columns, rank }: LowRankDelta): number[] {
  return listOf(rows * columns, (at) => {
    const row = Math.floor(at / columns);
    const column = at % columns;
    let value = 0;
    for (let k = 0; k < rank; k++)
      value += (b[row * rank + k] as number) * (a[k * columns + column] as number);
    return scale * value;
  });
}

/** θ of a task and τ, element by element. */
function materialise(base: readonly number[], task: GroupTask): { theta: number[]; tau: number[] } {
  if (task.kind === 'dense') {
    const theta = readValues(task.span);
    return { theta, tau: theta.map((value, index) => value - (base[index] as number)) };
  }
  const tau = product(task.delta);
  return { theta: tau.map((value, index) => value + (base[index] as number)), tau };
}

function areFinite(...values: readonly (number | undefined)[]): boolean {
  for (const value of values) if (!Number.isFinite(value)) return false;
  return true;
}

/** τ of every task, `null` where base, task or τ is not finite. */
function tausOfItem(item: Extract<PassItem, { kind: 'signs' | 'masks' | 'rowProducts' }>): Taus {
  const base = readValues(item.base);
  return item.tasks.map((task) => {
    const { theta, tau } = materialise(base, task);
    return tau.map((value, at) => (areFinite(value, base[at], theta[at]) ? value : null));
  });
}

function tauOfItem({
  base,
  task,
}: Extract<PassItem, { kind: 'deltaMoments' | 'magnitudes' | 'magnitudeValues' | 'rowBands' }>): number[] {
  return task.kind === 'lowRank' ? product(task.delta) : materialise(readValues(base), task).tau;
}

/** Counts of τ between ascending edges, the last bin with its upper edge. */
function binsOf({ base, task, edges }: Extract<PassItem, { kind: 'deltaHistogram' }>): BinCounts {
  const { tau } = materialise(readValues(base), task);
  const last = edges.length - 2;
  const counts = Float64Array.from({ length: last + 1 }, (_, bin) => {
    const [low = NaN, high = NaN] = edges.subarray(bin, bin + 2);
    return tau.filter((value) => value >= low && (value < high || (bin === last && value === high))).length;
  });
  return { kind: 'bins', counts };
}

function groupOf(item: Extract<PassItem, { kind: 'group' }>): GroupSums {
  const base = readValues(item.base);
  const tasks = item.tasks.map((task) => {
    const { theta, tau } = materialise(base, task);
    return {
      theta,
      tau,
      counts: tau.map((value, at) => areFinite(value, base[at], theta[at])),
    };
  });
  /** Σxy over the entries that count. */
  const inner = (x: readonly number[], y: readonly number[], counts: (at: number) => boolean) => {
    let total = 0;
    for (let at = 0; at < x.length; at++) if (counts(at)) total += (x[at] as number) * (y[at] as number);
    return total;
  };
  return {
    kind: 'group',
    count: base.length,
    baseSquares: inner(base, base, (at) => Number.isFinite(base[at])),
    tasks: tasks.map(({ theta, tau, counts }, index): TaskSums => {
      const looked = item.elementwise || item.tasks[index]?.kind === 'dense';
      const own = (at: number) => counts[at] === true;
      const signs = theta.map((value, at) => value * (base[at] as number));
      return {
        taskSquares: inner(theta, theta, own),
        dot: inner(base, theta, own),
        deltaSquares: inner(tau, tau, own),
        deltaAbsMax: looked
          ? tau.reduce((most, value, at) => (own(at) ? Math.max(most, Math.abs(value)) : most), 0)
          : null,
        identical: looked ? tau.filter((value, at) => own(at) && value === 0).length : null,
        signFlips: looked ? signs.filter((value, at) => own(at) && value < 0).length : null,
        skipped: looked ? counts.filter((each) => !each).length : null,
      };
    }),
    gram: Float64Array.from(
      tasks.flatMap((x) =>
        tasks.map((y) => inner(x.tau, y.tau, (at) => x.counts[at] === true && y.counts[at] === true)),
      ),
    ),
  };
}
