import type { LowRankDelta } from './pass';

/** How PEFT's `add_weighted_adapter` merges A and B, each for itself. */
export type FactorMethod = 'linear' | 'ties' | 'dare_linear' | 'dare_ties';

export interface WeightedDelta {
  readonly weight: number;
  readonly delta: LowRankDelta;
}

/** What a method needs beside the factors. */
export interface MergeSettings {
  /** Share of the entries that are kept, 0 to 1. */
  readonly density: number;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

/**
 * Σ fᵢBᵢAᵢ without forming it: the B beside each other, the fᵢAᵢ above each other, as PEFT's `cat` stores it. Deltas are
 * m × n all; the rank is the sum of theirs. None at all is a caller's mistake: RangeError.
 */
export function concatenated(
  parts: readonly { readonly factor: number; readonly delta: LowRankDelta }[],
): LowRankDelta {
  const [first] = parts;
  if (!first) throw new RangeError('there is nothing to put together');
  const { rows, columns } = first.delta;
  const rank = parts.reduce((sum, { delta }) => sum + delta.rank, 0);
  const b = new Float64Array(rows * rank);
  const a = new Float64Array(rank * columns);
  let start = 0;
  for (const { factor, delta } of parts) {
    for (let row = 0; row < rows; row++)
      b.set(delta.b.subarray(row * delta.rank, (row + 1) * delta.rank), row * rank + start);
    a.set(
      delta.a.map((value) => factor * value),
      start * columns,
    );
    start += delta.rank;
  }
  return { scale: 1, b, a, rows, columns, rank };
}

/**
 * (Σ βᵢBᵢ)(Σ βᵢAᵢ) with βᵢ = √(wᵢsᵢ), as `_generalized_task_arithmetic_weighted_adapter` of PEFT forms it, each sum pruned
 * or elected by itself as the method says. A product below 0 counts on A alone. `null` where ranks or shapes differ: PEFT
 * refuses then.
 */
export function mergedFactors(
  parts: readonly WeightedDelta[],
  method: FactorMethod,
  settings: MergeSettings,
): LowRankDelta | null {
  const [first] = parts;
  if (!first) return null;
  const { rows, columns, rank } = first.delta;
  if (parts.some(({ delta: d }) => d.rows !== rows || d.columns !== columns || d.rank !== rank)) return null;
  const factors = parts.map(({ weight, delta }) => weight * delta.scale);
  const roots = factors.map((factor) => Math.sqrt(Math.abs(factor)));
  const a = merged(
    parts.map(({ delta }) => delta.a),
    roots.map((root, at) => root * Math.sign(factors[at] ?? 0)),
    method,
    settings,
  );
  const b = merged(
    parts.map(({ delta }) => delta.b),
    roots,
    method,
    settings,
  );
  return { scale: 1, a, b, rows, columns, rank };
}

function merged(
  tensors: readonly Float64Array[],
  weights: readonly number[],
  method: FactorMethod,
  { density, random }: MergeSettings,
): Float64Array {
  const kept = tensors.map((values) => {
    if (method === 'linear') return values;
    return method === 'ties' ? largest(values, density) : dropped(values, density, random);
  });
  return method === 'ties' || method === 'dare_ties' ? elected(kept, weights) : summed(kept, weights);
}

/** The ⌊density · count⌋ entries largest in size; the others are 0. Of equal ones the first are kept. */
function largest(values: Float64Array, density: number): Float64Array {
  const count = Math.floor(density * values.length);
  if (count >= values.length) return values;
  const kept = new Float64Array(values.length);
  if (count === 0) return kept;
  const sizes = values.map(Math.abs).sort();
  const least = sizes[values.length - count] as number;
  let room = count - (values.length - firstAbove(sizes, least));
  for (const [at, value] of values.entries()) {
    const size = Math.abs(value);
    if (size > least || (size === least && room-- > 0)) kept[at] = value;
  }
  return kept;
}

/** Where the sizes, ascending, begin to be above `limit`. */
function firstAbove(sizes: Float64Array, limit: number): number {
  const at = sizes.findIndex((size) => size > limit);
  return at < 0 ? sizes.length : at;
}

/** DARE (Yu et al. 2024, https://arxiv.org/abs/2311.03099, eq. 1): an entry stays with the probability `density`, divided by it. */
function dropped(values: Float64Array, density: number, random: () => number): Float64Array {
  return values.map((value) => (random() < density ? value / density : 0));
}

function summed(tensors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(tensors[0]?.length ?? 0);
  for (const [task, values] of tensors.entries()) {
    const weight = weights[task] ?? 0;
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + weight * (values[at] as number);
  }
  return sum;
}

/**
 * TIES (Yadav et al. 2023, https://arxiv.org/abs/2306.01708, algorithm 1): the sign of the sum of the tensors without
 * weights, + for 0, then the weighted mean of the entries that have it.
 */
function elected(tensors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const mean = new Float64Array(tensors[0]?.length ?? 0);
  for (let at = 0; at < mean.length; at++) {
    let total = 0;
    for (const values of tensors) total += values[at] as number;
    const sign = total >= 0 ? 1 : -1;
    let [sum, count] = [0, 0];
    for (const [task, values] of tensors.entries()) {
      const value = values[at] as number;
      if (value * sign <= 0) continue;
      sum += (weights[task] ?? 0) * value;
      count++;
    }
    mean[at] = sum / Math.max(1, count);
  }
  return mean;
}
