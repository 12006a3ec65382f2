import { bitsOf } from '../decode';
import type { LowRankDelta, PassItem } from '../pass';
import { BLOCK } from './kernel';

type GroupItem = Extract<PassItem, { kind: 'group' }>;

/** Whether every entry of both factors and the scale is a finite number. */
export function hasFiniteFactors(delta: LowRankDelta): boolean {
  return Number.isFinite(delta.scale) && isFinite(delta.a) && isFinite(delta.b);
}

function isFinite(values: Float64Array): boolean {
  // 0 · x is 0 for numbers, and NaN for everything else and for sums with it.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * (values[i] as number);
  return sum === 0;
}

/** Entries of the longest row that is held as one block: 512 KiB of doubles. Longer rows are formed piecewise. */
const LONGEST_ROW = 65_536;

/**
 * The row length that chunks and blocks of a group should be multiples of, so that its low-rank tasks can be summed
 * from their factors. `null` where nothing is to be gained: no low-rank task, elementwise figures asked for (entries
 * are formed anyway), rows too long for a block, or elements that share a byte, so that rows may begin inside one.
 */
export function rowLengthOf(item: GroupItem): number | null {
  const columns = item.tasks.find((task) => task.kind === 'lowRank')?.delta.columns ?? 0;
  if (item.elementwise || columns === 0 || columns > LONGEST_ROW) return null;
  const dense = item.tasks.flatMap((task) => (task.kind === 'dense' ? [task.span] : []));
  return [item.base, ...dense].every((span) => bitsOf(span.dtype) >= 8) ? columns : null;
}

/** Elements of a block made of whole rows: as many as fit, one at least. */
export function blockOfRows(rowLength: number): number {
  return Math.max(1, Math.floor(BLOCK / rowLength)) * rowLength;
}

/** Writes entries `start … start + count − 1` (row-major) of `sBA` to the front of `target`: r steps an entry. */
export function formEntries(delta: LowRankDelta, start: number, count: number, target: Float64Array): void {
  const { columns, rank, scale, a, b } = delta;
  target.fill(0, 0, count);
  for (let done = 0; done < count;) {
    const row = Math.floor((start + done) / columns);
    const column = start + done - row * columns;
    const length = Math.min(columns - column, count - done);
    const at = row * rank;
    let k = 0;
    for (; k + 3 < rank; k += 4) {
      const from = k * columns + column;
      const f0 = scale * (b[at + k] as number);
      const f1 = scale * (b[at + k + 1] as number);
      const f2 = scale * (b[at + k + 2] as number);
      const f3 = scale * (b[at + k + 3] as number);
      addFour(f0, f1, f2, f3, a, from, columns, length, target, done);
    }
    for (; k < rank; k++) {
      addMultiple(scale * (b[at + k] as number), a, k * columns + column, length, target, done);
    }
    done += length;
  }
}

/** Four multiples at once: an entry of `target` is loaded and stored a quarter as often. */
function addFour(
  f0: number,
  f1: number,
  f2: number,
  f3: number,
  source: Float64Array,
  from: number,
  columns: number,
  length: number,
  target: Float64Array,
  to: number,
): void {
  const from1 = from + columns;
  const from2 = from1 + columns;
  const from3 = from2 + columns;
  for (let j = 0; j < length; j++) {
    target[to + j] =
      (target[to + j] as number) +
      (f0 * (source[from + j] as number) + f1 * (source[from1 + j] as number)) +
      (f2 * (source[from2 + j] as number) + f3 * (source[from3 + j] as number));
  }
}

function addMultiple(
  factor: number,
  source: Float64Array,
  from: number,
  length: number,
  target: Float64Array,
  to: number,
): void {
  for (let j = 0; j < length; j++) {
    target[to + j] = (target[to + j] as number) + factor * (source[from + j] as number);
  }
}

/**
 * ⟨X, rows of sBA⟩ = s · Σ (X Aᵀ) ∘ B, where X is `count` values, whole rows from `firstRow` on: r steps an entry and
 * no product BA.
 */
export function innerWithRows(x: Float64Array, count: number, firstRow: number, delta: LowRankDelta): number {
  const { columns, rank, a, b } = delta;
  let sum = 0;
  for (let start = 0, row = firstRow; start < count; start += columns, row++) {
    let k = 0;
    for (; k + 3 < rank; k += 4) sum += innerWithFour(x, start, columns, a, k, b, row * rank);
    for (; k < rank; k++) {
      sum += (b[row * rank + k] as number) * inner(x, start, a, k * columns, columns);
    }
  }
  return delta.scale * sum;
}

/** Σ over four rows k … k+3 of A of ⟨x, aₖ⟩ bₖ: every value of x is loaded once for four products. */
function innerWithFour(
  x: Float64Array,
  start: number,
  columns: number,
  a: Float64Array,
  k: number,
  b: Float64Array,
  bRow: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const a0 = k * columns;
  const a1 = a0 + columns;
  const a2 = a1 + columns;
  const a3 = a2 + columns;
  for (let j = 0; j < columns; j++) {
    const value = x[start + j] as number;
    s0 += value * (a[a0 + j] as number);
    s1 += value * (a[a1 + j] as number);
    s2 += value * (a[a2 + j] as number);
    s3 += value * (a[a3 + j] as number);
  }
  const at = bRow + k;
  return (
    s0 * (b[at] as number) +
    s1 * (b[at + 1] as number) +
    s2 * (b[at + 2] as number) +
    s3 * (b[at + 3] as number)
  );
}

/** Σ x[from + j] · y[at + j] over `length` entries. */
export function inner(x: Float64Array, from: number, y: Float64Array, at: number, length: number): number {
  let even = 0;
  let odd = 0;
  let j = 0;
  for (; j + 1 < length; j += 2) {
    even += (x[from + j] as number) * (y[at + j] as number);
    odd += (x[from + j + 1] as number) * (y[at + j + 1] as number);
  }
  if (j < length) even += (x[from + j] as number) * (y[at + j] as number);
  return even + odd;
}

/**
 * ⟨rows of s₁B₁A₁, rows of s₂B₂A₂⟩ for rows `first … end − 1`: s₁s₂ · Σᵢ b₁ᵢ (A₁A₂ᵀ) b₂ᵢᵀ. `product` is A₁A₂ᵀ,
 * r₁ × r₂.
 */
export function innerOfRows(
  x: LowRankDelta,
  y: LowRankDelta,
  product: Float64Array,
  first: number,
  end: number,
): number {
  let sum = 0;
  for (let row = first; row < end; row++) {
    for (let p = 0; p < x.rank; p++) {
      sum += (x.b[row * x.rank + p] as number) * inner(product, p * y.rank, y.b, row * y.rank, y.rank);
    }
  }
  return x.scale * y.scale * sum;
}
