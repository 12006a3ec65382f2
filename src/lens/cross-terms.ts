import type { Table, TableCell } from '../protocol/artifact';
import { cancelled, success, type Result } from '../protocol/result';
import { lowRankSquares } from '../tensor/low-rank';
import type { LowRankDelta } from '../tensor/pass';
import { loadLowRank, type TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { pause } from './pause';

/** What merging factors apart adds to one tensor beside the merge of the products. */
export interface CrossTerms {
  readonly tensor: string;
  readonly adapters: number;
  /** ‖Σ_{i≠j} βᵢβⱼBᵢAⱼ‖ and ‖Σ wᵢsᵢBᵢAᵢ‖; `null` where ranks differ, so that factors cannot be added. */
  readonly cross: number | null;
  readonly wanted: number | null;
}

/**
 * Cross terms of a factor-wise merge (PEFT's "linear"; LoRAHub, Huang et al. 2024, with its weights on both factors):
 * (Σ βᵢBᵢ)(Σ βⱼAⱼ) = Σ wᵢsᵢBᵢAᵢ + Σ_{i≠j} βᵢβⱼBᵢAⱼ with βᵢ = √(wᵢsᵢ). Both norms come from the factors: the cross terms are the
 * low-rank product of stacked βᵢBᵢ with stacked (Σⱼ βⱼAⱼ) − βᵢAᵢ, so nothing cancels. `weights` by task; a scale or weight below 0
 * counts on A alone, as PEFT has it.
 */
export async function crossTerms(
  groups: readonly TensorGroup[],
  weights: readonly number[],
  context: LensContext,
): Promise<Result<readonly CrossTerms[]>> {
  const found: CrossTerms[] = [];
  for (const { base, members } of groups) {
    const factored = members.flatMap(({ task, delta }) =>
      delta.kind === 'lowRank' ? [{ task, delta }] : [],
    );
    if (factored.length < 2) continue;
    await pause();
    if (context.signal.aborted) return cancelled();
    const loaded: { readonly weight: number; readonly delta: LowRankDelta }[] = [];
    for (const { task, delta } of factored) {
      const read = await loadLowRank(delta);
      if (!read.ok) return read;
      loaded.push({ weight: weights[task] ?? 0, delta: read.value.delta });
    }
    found.push({ tensor: base.name, adapters: loaded.length, ...crossTermsOf(loaded) });
  }
  return success(found);
}

function crossTermsOf(
  adapters: readonly { readonly weight: number; readonly delta: LowRankDelta }[],
): Pick<CrossTerms, 'cross' | 'wanted'> {
  const [first] = adapters;
  if (!first || adapters.some(({ delta }) => delta.rank !== first.delta.rank))
    return { cross: null, wanted: null };
  const scaled = adapters.map(({ weight, delta }) => {
    const factor = weight * delta.scale;
    const root = Math.sqrt(Math.abs(factor));
    return {
      a: delta.a.map((value) => value * root * Math.sign(factor)),
      b: delta.b.map((value) => value * root),
    };
  });
  const sum = first.delta.a.map((_, at) => scaled.reduce((total, { a }) => total + (a[at] as number), 0));
  const others = scaled.map(({ a }) => sum.map((value, at) => value - (a[at] as number)));
  const stack = (right: readonly Float64Array[]) =>
    Math.sqrt(
      lowRankSquares(
        stacked(
          first.delta,
          scaled.map(({ b }) => b),
          right,
        ),
      ),
    );
  return { cross: stack(others), wanted: stack(scaled.map(({ a }) => a)) };
}

/** Σ BᵢAᵢ as one low-rank delta: the B beside each other, the A above each other. */
function stacked(
  { rows, columns, rank }: LowRankDelta,
  left: readonly Float64Array[],
  right: readonly Float64Array[],
): LowRankDelta {
  const whole = rank * left.length;
  const b = new Float64Array(rows * whole);
  const a = new Float64Array(whole * columns);
  for (const [i, own] of left.entries()) {
    for (let row = 0; row < rows; row++) {
      b.set(own.subarray(row * rank, (row + 1) * rank), row * whole + i * rank);
    }
  }
  for (const [i, own] of right.entries()) a.set(own, i * rank * columns);
  return { scale: 1, b, a, rows, columns, rank: whole };
}

/** Cross terms by tensor; `null` where no two adapters meet in a tensor. */
export function crossTable(found: readonly CrossTerms[]): Table | null {
  if (found.length === 0) return null;
  return {
    kind: 'table',
    id: 'cross_terms',
    title: 'Cross terms of a factor-wise merge',
    caption:
      'What PEFT’s "linear" adds by merging A and B apart, (ΣβB)(ΣβA) − ΣwsBA, against the merge of the products. Undefined where ranks differ: PEFT refuses "linear" then, use "cat" or "svd".',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'adapters', title: 'Adapters', type: 'integer' },
      { name: 'cross', title: '‖cross terms‖', type: 'number' },
      { name: 'wanted', title: '‖ΣwsBA‖', type: 'number' },
      { name: 'share', title: 'Cross terms / wanted', type: 'number' },
    ],
    rows: found.map(({ tensor, adapters, cross, wanted }): TableCell[] => [
      tensor,
      adapters,
      cross,
      wanted,
      cross !== null && wanted !== null && wanted > 0 ? cross / wanted : null,
    ]),
  };
}
