import type { TensorEntry } from '../format/checkpoint';
import { success, type Result } from '../protocol/result';
import type { MatrixSource, MatrixTerm } from '../tensor/matrix-source';
import type { LowRankDelta } from '../tensor/pass';
import type { GroupMember } from './group-pass';
import { deltaTerm, matrixShape } from './matrix-pass';

/**
 * Σ wₜτₜ of one tensor as a matrix source; a tensor of one dimension is one row. Where all tasks are adapters of small rank
 * it stays a product of factors, [w₁s₁B₁ w₂s₂B₂ …]·[A₁; A₂; …], and is never formed. Fails as reading factors does.
 */
export async function sumSource(
  base: TensorEntry,
  members: readonly GroupMember[],
  weightOf: (task: number) => number,
): Promise<Result<MatrixSource>> {
  const terms: MatrixTerm[] = [];
  for (const { task, delta } of members) {
    const weight = weightOf(task);
    if (weight === 0) continue;
    const term = await deltaTerm(base, delta, weight);
    if (!term.ok) return term;
    terms.push(term.value);
  }
  const shape = matrixShape(base) ?? { rows: 1, columns: base.span.count };
  const stacked = stackedFactors(terms);
  if (stacked === null) return success({ ...shape, terms });
  const task = { kind: 'lowRank' as const, delta: stacked };
  return success({ ...shape, terms: [{ kind: 'delta', weight: 1, base: base.span, task }] });
}

/** The factors of a sum of factored terms; `null` where one is not factored, or factors would save nothing. */
function stackedFactors(terms: readonly MatrixTerm[]): LowRankDelta | null {
  const factors: LowRankDelta[] = [];
  for (const term of terms) {
    if (term.kind !== 'delta' || term.task.kind !== 'lowRank') return null;
    const { delta } = term.task;
    factors.push({ ...delta, scale: delta.scale * term.weight });
  }
  const [first] = factors;
  if (!first) return null;
  if (factors.length === 1) return first;
  const { rows, columns } = first;
  const rank = factors.reduce((sum, each) => sum + each.rank, 0);
  if (2 * rank > Math.min(rows, columns)) return null;
  const a = new Float64Array(rank * columns);
  const b = new Float64Array(rows * rank);
  let before = 0;
  for (const factor of factors) {
    a.set(factor.a, before * columns);
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < factor.rank; k++) {
        b[row * rank + before + k] = factor.scale * (factor.b[row * factor.rank + k] as number);
      }
    }
    before += factor.rank;
  }
  return { scale: 1, a, b, rows, columns, rank };
}
