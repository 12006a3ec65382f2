import { cancelled, success, type Result } from '../protocol/result';
import type { PassItem } from '../tensor/pass';
import { loadTask, type GroupNorms, type TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { deltaBytes } from '../model/task-vector';

export interface BelowEpsilon {
  /** Entries with |τ| ≤ ε·rms(θ₀), by group and member; `null` where an adapter was not looked at element by element. */
  readonly counts: readonly (readonly (number | null)[])[];
  readonly bytesRead: number;
}

/** Groups whose members are counted together. */
const BATCH = 16;

/**
 * Counts the entries that a task may share with its base at a tolerance, |τ| ≤ ε·rms(θ₀), rms(θ₀) = √(Σθ₀²/n) of each
 * tensor (share ratio of Shoouri et al. 2023). With ε = 0 these are the identical entries, which the pass before has
 * counted; otherwise everything is read a second time, because the threshold is not known before. Fails as reading does.
 */
export async function countBelowEpsilon(
  groups: readonly TensorGroup[],
  sums: readonly GroupNorms[],
  epsilon: number,
  elementwise: boolean,
  context: LensContext,
): Promise<Result<BelowEpsilon>> {
  if (epsilon === 0) {
    const counts = sums.map(({ tasks }) => tasks.map(({ identical }) => identical));
    return success({ counts, bytesRead: 0 });
  }
  const counts: (number | null)[][] = [];
  let bytesRead = 0;
  for (let first = 0; first < groups.length; first += BATCH) {
    if (context.signal.aborted) return cancelled();
    const batch = groups.slice(first, first + BATCH);
    const items: PassItem[] = [];
    const places: { readonly row: (number | null)[]; readonly member: number }[] = [];
    for (const [offset, { base, members }] of batch.entries()) {
      const row: (number | null)[] = members.map(() => null);
      counts.push(row);
      const bound = epsilon * rootMeanSquare(sums[first + offset]);
      for (const [member, { delta }] of members.entries()) {
        if (delta.kind === 'lowRank' && !elementwise) continue;
        const task = await loadTask(delta);
        if (!task.ok) return task;
        items.push({
          kind: 'deltaHistogram',
          base: base.span,
          task: task.value,
          edges: Float64Array.of(-bound, bound),
        });
        places.push({ row, member });
        if (delta.kind !== 'lowRank') bytesRead += base.span.bytes + deltaBytes(delta);
      }
    }
    const outcomes = await context.passes.run(items, { signal: context.signal });
    if (!outcomes.ok) return outcomes;
    for (const [index, { row, member }] of places.entries()) {
      const outcome = outcomes.value[index];
      row[member] = outcome?.kind === 'bins' ? (outcome.counts[0] ?? 0) : null;
    }
    context.progress(Math.min(1, (first + BATCH) / groups.length), 'Counting small changes');
  }
  return success({ counts, bytesRead });
}

function rootMeanSquare(sums: GroupNorms | undefined): number {
  return sums && sums.count > 0 ? Math.sqrt(sums.baseSquares / sums.count) : 0;
}
