import type { RowProducts } from '../tensor/row-products';
import { cosine, finiteOrNull } from './profile-sums';

/** How far one task is from a merge, over some rows. */
export interface GapSums {
  /** Σ ⟨τ, τ − m⟩² over rows. */
  readonly gap: number;
  /** Σ ‖τ‖⁴ over rows. */
  readonly fourth: number;
  /** ⟨τ, m⟩, ‖τ‖² and ‖m‖² over all rows. */
  readonly dot: number;
  readonly squares: number;
  readonly merged: number;
}

/** One row of a task that a merge reproduces badly. */
export interface RowGap {
  readonly row: number;
  /** ⟨τ, τ − m⟩² */
  readonly gap: number;
  readonly squares: number;
}

/** The sums of one task over the rows of a tensor, and its `most` worst rows, worst first. */
export function gapOf(
  { rows, dots, squares, merged }: RowProducts,
  task: number,
  most: number,
): { readonly sums: GapSums; readonly worst: readonly RowGap[] } {
  const tasks = rows > 0 ? dots.length / rows : 0;
  let sums = NO_GAP;
  const worst: RowGap[] = [];
  for (let row = 0; row < rows; row++) {
    const dot = dots[row * tasks + task] as number;
    const own = squares[row * tasks + task] as number;
    const gap = (own - dot) ** 2;
    sums = addGaps(sums, { gap, fourth: own * own, dot, squares: own, merged: merged[row] as number });
    if (worst.length < most || gap > (worst.at(-1)?.gap ?? 0)) {
      worst.push({ row, gap, squares: own });
      worst.sort((a, b) => b.gap - a.gap);
      worst.length = Math.min(worst.length, most);
    }
  }
  return { sums, worst };
}

/** Nothing summed yet. */
export const NO_GAP: GapSums = { gap: 0, fourth: 0, dot: 0, squares: 0, merged: 0 };

/** The sums over the rows of both. */
export function addGaps(a: GapSums, b: GapSums): GapSums {
  return {
    gap: a.gap + b.gap,
    fourth: a.fourth + b.fourth,
    dot: a.dot + b.dot,
    squares: a.squares + b.squares,
    merged: a.merged + b.merged,
  };
}

/** Figures of a task against a merge; `null` where the task changes nothing. */
export interface GapFigures {
  /** Σ⟨τ, τ − m⟩² / Σ‖τ‖⁴ over rows: 0 where the merge reproduces every row along τ, 1 where it holds nothing of it. */
  readonly gap: number | null;
  /** ‖τ − m‖ / ‖τ‖ */
  readonly residual: number | null;
  readonly cosine: number | null;
}

/** Row-wise gap (objective of Wei et al. 2025, normalised), residual and cosine from the sums. */
export function gapFigures({ gap, fourth, dot, squares, merged }: GapSums): GapFigures {
  const left = Math.max(0, squares - 2 * dot + merged);
  return {
    gap: fourth > 0 ? finiteOrNull(gap / fourth) : null,
    residual: squares > 0 ? finiteOrNull(Math.sqrt(left / squares)) : null,
    cosine: cosine(dot, squares, merged),
  };
}
