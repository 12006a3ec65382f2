import { squaresOf, zeros, type Dense } from '../tensor/linear/dense';
import { multiply, multiplyTransposed } from '../tensor/linear/multiply';
import { svd } from '../tensor/linear/svd';

/**
 * What a head may be turned by before heads are averaged: nothing; any rotation (the other factor of its circuit takes
 * the inverse); or only rotations inside the planes (i, i + size/2), which commute with rotary positions.
 */
export type Alignment = 'none' | 'rotation' | 'planes';

const ROUNDS = 50;
const SETTLED = 1e-12;

/**
 * How much is lost by replacing heads by their mean: Σ‖R_h·W_h − mean‖² / Σ‖W_h‖², 0 for heads that are the same up to
 * the alignment, 1 − 1/n for n unrelated ones (mean pooling: Ainslie et al. 2023, "GQA"). Rotations are found by
 * generalised Procrustes rounds (Gower 1975), which end in a local minimum. `null` where all heads are 0. Cost: n² · size² · hidden
 * with alignment.
 */
export function poolingResidual(heads: readonly Dense[], alignment: Alignment): number | null {
  const total = heads.reduce((sum, head) => sum + squaresOf(head), 0);
  if (total === 0) return null;
  if (alignment === 'none') return withoutMean(heads, total);
  const cross = heads.map((x) => heads.map((y) => multiplyTransposed(x, y)));
  let turns = heads.map(({ rows }) => identity(rows));
  let kept = keptByMean(cross, turns);
  for (let round = 0; round < ROUNDS; round++) {
    turns = turned(cross, turns, alignment);
    const now = keptByMean(cross, turns);
    const settled = now - kept <= SETTLED * total;
    kept = Math.max(kept, now);
    if (settled) break;
  }
  return Math.max(0, 1 - kept / total);
}

function withoutMean(heads: readonly Dense[], total: number): number {
  const length = heads[0]?.values.length ?? 0;
  let lost = 0;
  for (let at = 0; at < length; at++) {
    let mean = 0;
    for (const { values } of heads) mean += (values[at] as number) / heads.length;
    for (const { values } of heads) lost += ((values[at] as number) - mean) ** 2;
  }
  return lost / total;
}

type Cross = readonly (readonly Dense[])[];

/** n · ‖mean of R_h·W_h‖² = Σ_gh tr(R_g·C_gh·R_hᵀ)/n. */
function keptByMean(cross: Cross, turns: readonly Dense[]): number {
  let sum = 0;
  turns.forEach((turn, g) => {
    turns.forEach((other, h) => {
      sum += inner(multiply(turn, cross[g]?.[h] ?? turn), other);
    });
  });
  return sum / turns.length;
}

/** One round: each head is turned towards the sum of the others as they stand. */
function turned(cross: Cross, before: readonly Dense[], alignment: 'rotation' | 'planes'): Dense[] {
  const turns = [...before];
  for (let h = 0; h < turns.length; h++) {
    const size = turns[h]?.rows ?? 0;
    // Σ_g≠h R_g·C_gh = (target)·W_hᵀ: the best R_h is its orthogonal polar factor.
    const towards = zeros(size, size);
    turns.forEach((turn, g) => {
      if (g === h) return;
      multiply(turn, cross[g]?.[h] ?? turn).values.forEach((value, at) => {
        towards.values[at] = (towards.values[at] as number) + value;
      });
    });
    turns[h] = alignment === 'rotation' ? polar(towards) : planeTurns(towards);
  }
  return turns;
}

/** The orthogonal matrix nearest to `matrix`: U·Vᵀ of its singular value decomposition. */
function polar(matrix: Dense): Dense {
  const { left, values, right } = svd(matrix);
  // Where the matrix has no full rank the missing directions of U are any that complete it; identity serves for a matrix of 0.
  if (values.every((value) => value > (values[0] ?? 0) * 1e-13)) return multiply(left, right);
  const nudged = { ...matrix, values: Float64Array.from(matrix.values) };
  const nudge = (values[0] ?? 0) > 0 ? (values[0] as number) * 1e-9 : 1;
  for (let i = 0; i < matrix.rows; i++) {
    nudged.values[i * matrix.rows + i] = (nudged.values[i * matrix.rows + i] as number) + nudge;
  }
  const again = svd(nudged);
  return multiply(again.left, again.right);
}

/** The rotation in each plane (i, i + size/2) that is nearest to `matrix`. */
function planeTurns(matrix: Dense): Dense {
  const { rows: size, values } = matrix;
  const half = Math.floor(size / 2);
  const turn = identity(size);
  const at = (row: number, column: number) => row * size + column;
  for (let i = 0; i < half; i++) {
    const j = i + half;
    const cosine = (values[at(i, i)] as number) + (values[at(j, j)] as number);
    const sine = (values[at(j, i)] as number) - (values[at(i, j)] as number);
    const length = Math.hypot(cosine, sine);
    if (length === 0) continue;
    turn.values[at(i, i)] = cosine / length;
    turn.values[at(j, j)] = cosine / length;
    turn.values[at(j, i)] = sine / length;
    turn.values[at(i, j)] = -sine / length;
  }
  return turn;
}

function identity(size: number): Dense {
  const matrix = zeros(size, size);
  for (let i = 0; i < size; i++) matrix.values[i * size + i] = 1;
  return matrix;
}

function inner(x: Dense, y: Dense): number {
  let sum = 0;
  for (let i = 0; i < x.values.length; i++) sum += (x.values[i] as number) * (y.values[i] as number);
  return sum;
}
