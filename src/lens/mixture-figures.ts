import type { ModuleGram, ReadTable } from './mixture-models';
import { effectiveNumber } from './mixture-weights';
import { finiteOrNull } from './profile-sums';

/** Mean use of every column over rows and splits. */
export function usageOf({ table: { rows, splits, columns }, weights }: ReadTable): Float64Array {
  const usage = new Float64Array(columns);
  for (const [at, value] of weights.entries())
    usage[at % columns] = (usage[at % columns] as number) + value / (rows * splits);
  return usage;
}

/** Mean effective number of columns that a row uses, over rows and splits; `null` where weights are negative. */
export function effectiveOf({ table: { columns }, weights }: ReadTable): number | null {
  const parts: number[] = [];
  for (let first = 0; first < weights.length; first += columns) {
    const own = effectiveNumber(weights.subarray(first, first + columns));
    if (own === null) return null;
    parts.push(own);
  }
  return parts.length > 0 ? parts.reduce((sum, value) => sum + value, 0) / parts.length : null;
}

/** A column with less than this part of an equal share is dead. */
export const DEAD = 0.1;

/** ‖ΔWₜ − ΔW_μ‖ / ‖ΔWₜ‖ of a task in a module. */
export function routingOf({ gram, tasks }: Pick<ModuleGram, 'gram' | 'tasks'>, task: number): number | null {
  const n = Math.sqrt(gram.length);
  const [own, mean] = [gram[task * (n + 1)] ?? NaN, gram[tasks * (n + 1)] ?? NaN];
  const square = own + mean - 2 * (gram[task * n + tasks] ?? NaN);
  return own > 0 ? finiteOrNull(Math.sqrt(Math.max(0, square) / own)) : null;
}
