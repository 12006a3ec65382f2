// Slow, obvious implementations that the kernels are checked against: one entry after the other, compensated sums.
import type { LowRankDelta } from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';

/** A sum that loses next to nothing (Neumaier's variant of Kahan's). */
export class ExactSum {
  private sum = 0;
  private lost = 0;

  add(value: number): void {
    const next = this.sum + value;
    this.lost += Math.abs(this.sum) >= Math.abs(value) ? this.sum - next + value : value - next + this.sum;
    this.sum = next;
  }

  get total(): number {
    return this.sum + this.lost;
  }
}

export function exactSum(values: Iterable<number>): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.total;
}

export function slowMoments(values: ArrayLike<number>) {
  const [sum, l1, squares, m2] = [new ExactSum(), new ExactSum(), new ExactSum(), new ExactSum()];
  let [finite, zeros, nan, inf, min, max] = [0, 0, 0, 0, Infinity, -Infinity];
  const nonFinite: { index: number; value: 'NaN' | '+Inf' | '-Inf' }[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (Number.isFinite(value)) {
      finite += 1;
      sum.add(value);
      l1.add(Math.abs(value));
      squares.add(value * value);
      if (value === 0) zeros += 1;
      if (value < min) min = value;
      if (value > max) max = value;
      continue;
    }
    if (Number.isNaN(value)) nan += 1;
    else inf += 1;
    if (nonFinite.length < 8) {
      nonFinite.push({ index, value: Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf' });
    }
  }
  const mean = finite === 0 ? 0 : sum.total / finite;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (Number.isFinite(value)) m2.add((value - mean) ** 2);
  }
  return {
    kind: 'moments' as const,
    count: values.length,
    ...{ finite, mean, m2: m2.total, min, max, l1: l1.total, squares: squares.total },
    ...{ zeros, nan, inf, nonFinite },
  };
}

export function slowHistogram(values: readonly number[], edges: readonly number[]): number[] {
  const last = edges.length - 2;
  return edges.slice(1).map((high, bin) => {
    const low = edges[bin] as number;
    return values.filter((x) => x >= low && (x < high || (bin === last && x === high))).length;
  });
}

/** Figures of a task against its base; `delta` where τ is known otherwise than as a difference. */
export function slowPair(base: ArrayLike<number>, task: ArrayLike<number>, delta?: ArrayLike<number>) {
  const [taskSquares, dot, deltaSquares] = [new ExactSum(), new ExactSum(), new ExactSum()];
  let [deltaAbsMax, identical, signFlips, skipped] = [0, 0, 0, 0];
  for (let i = 0; i < base.length; i++) {
    const [x, y] = [base[i] as number, task[i] as number];
    const d = delta?.[i] ?? y - x;
    if (!Number.isFinite(x) || !Number.isFinite(y) || !Number.isFinite(d)) {
      skipped += 1;
      continue;
    }
    taskSquares.add(y * y);
    dot.add(x * y);
    deltaSquares.add(d * d);
    deltaAbsMax = Math.max(deltaAbsMax, Math.abs(d));
    if (d === 0) identical += 1;
    if (Math.sign(x) * Math.sign(y) === -1) signFlips += 1;
  }
  const sums = { taskSquares: taskSquares.total, dot: dot.total, deltaSquares: deltaSquares.total };
  return { ...sums, deltaAbsMax, identical, signFlips, skipped };
}

/** ⟨τᵢ, τⱼ⟩ over the entries where base and both τ are finite. */
export function slowInner(base: readonly number[], x: readonly number[], y: readonly number[]): number {
  const sum = new ExactSum();
  base.forEach((b, i) => {
    const [left, right] = [x[i] as number, y[i] as number];
    if (Number.isFinite(b) && Number.isFinite(left) && Number.isFinite(right)) sum.add(left * right);
  });
  return sum.total;
}

/** s·B·A, entry by entry, row-major. */
export function product(delta: LowRankDelta): number[] {
  const { rows, columns, rank, scale } = delta;
  return Array.from({ length: rows * columns }, (_, flat) => {
    const row = Math.floor(flat / columns);
    const column = flat % columns;
    const terms = Array.from(
      { length: rank },
      (_unused, k) => (delta.b[row * rank + k] as number) * (delta.a[k * columns + column] as number),
    );
    return scale * exactSum(terms);
  });
}

/** The same numbers on every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function randomDelta(rows: number, columns: number, rank: number, random: () => number): LowRankDelta {
  return {
    scale: 0.5 + random(),
    rows,
    columns,
    rank,
    a: Float64Array.from({ length: rank * columns }, () => random() - 0.5),
    b: Float64Array.from({ length: rows * rank }, () => random() - 0.5),
  };
}

export function bytesOf(array: Float64Array | Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A span that describes `count` doubles; nothing is on disk. */
export function doubles(count: number, shape: readonly number[] = [count]): TensorSpan {
  return { path: '/nowhere', offset: 0, bytes: count * 8, dtype: 'F64', shape, count };
}

/** |actual − expected| ≤ tolerance · max(|expected|, scale). */
export function isClose(actual: number, expected: number, tolerance: number, scale = 0): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  return Math.abs(actual - expected) <= tolerance * Math.max(Math.abs(expected), scale);
}

/** The number behind a bit pattern, by the definition of IEEE 754. */
export function sixteenBit(dtype: 'F16' | 'BF16', code: number): number {
  return dtype === 'F16' ? ieee(code, 5, 10) : ieee(code, 8, 7);
}

/** The number behind a byte, by the OCP 8-bit floating point specification: E4M3 has one NaN, and no infinity. */
export function eightBit(dtype: 'F8_E4M3' | 'F8_E5M2', code: number): number {
  if (dtype === 'F8_E5M2') return ieee(code, 5, 2);
  if (code % 128 === 127) return NaN;
  return code % 128 < 120 ? ieee(code, 4, 3) : (code >= 128 ? -1 : 1) * (8 + (code % 8)) * 2 ** (15 - 7 - 3);
}

function ieee(code: number, exponentBits: number, mantissaBits: number): number {
  const signBit = 2 ** (exponentBits + mantissaBits);
  const sign = code >= signBit ? -1 : 1;
  const exponent = Math.floor((code % signBit) / 2 ** mantissaBits);
  const mantissa = code % 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa === 0 ? sign * Infinity : NaN;
  const significand = exponent === 0 ? mantissa : mantissa + 2 ** mantissaBits;
  return sign * significand * 2 ** (Math.max(1, exponent) - bias - mantissaBits);
}
