import type { Dense } from '../tensor/linear/dense';
import { positionCosines, rowSquares } from './prompt-pairs';
import type { TableRows } from './memory-layer-models';

/** A row is dead up to this part of the median length. */
const DEAD = 1e-3;
/** From this cosine on two keys are the same. */
const SAME = 0.99;
/** A row changed if it moved by more than this part of its length. */
const CHANGED = 1e-6;
/** Keys compared all with all; of more only the first. */
const MOST_COMPARED = 2048;

export interface KeyFigures {
  readonly dead: number;
  /** Keys with a cosine of at least 0.99 with an earlier one. */
  readonly same: number;
  /** Mean |cos| of every two; `null` for fewer than two. */
  readonly meanCosine: number | null;
  readonly mostCosine: number | null;
}

/** Keys of one set against each other; of more than 2,048 the first. */
export function keyFigures(keys: Dense): KeyFigures {
  const rows = Math.min(keys.rows, MOST_COMPARED);
  const first = { ...keys, rows, values: keys.values.subarray(0, rows * keys.columns) };
  const cosines = positionCosines(first);
  let [same, sum, count, most] = [0, 0, 0, -Infinity];
  for (let i = 0; i < rows; i++) {
    let repeats = false;
    for (let j = 0; j < i; j++) {
      const value = cosines[i * rows + j] ?? null;
      if (value === null) continue;
      sum += Math.abs(value);
      count++;
      most = Math.max(most, value);
      if (value >= SAME) repeats = true;
    }
    if (repeats) same++;
  }
  return {
    dead: deadOf(rowSquares(keys).map(Math.sqrt)),
    same,
    meanCosine: count > 0 ? sum / count : null,
    mostCosine: count > 0 ? most : null,
  };
}

export interface TableFigures {
  readonly dead: number;
  readonly median: number | null;
  readonly longest: number | null;
  /** Share of the rows that changed; `null` without a base. */
  readonly changed: number | null;
  /** How few rows hold half of Σ‖τ‖²; `null` without a base or a change. */
  readonly halfEnergy: number | null;
}

/** Lengths and movement of the rows of a table. */
export function tableFigures({ lengths, moved, before }: TableRows): TableFigures {
  const sorted = lengths.filter(Number.isFinite).sort();
  const changed =
    moved && before ? moved.filter((value, at) => value > CHANGED * (before[at] ?? 0)).length : null;
  return {
    dead: deadOf(lengths),
    median: sorted[sorted.length >> 1] ?? null,
    longest: sorted.at(-1) ?? null,
    changed: changed === null ? null : changed / Math.max(1, lengths.length),
    halfEnergy: moved && halfOf(moved),
  };
}

/** The rows that moved farthest, the farthest first; those that did not move are left out. */
export function movedSlots({ moved }: TableRows, most: number): number[] {
  if (!moved) return [];
  return Array.from(moved.keys())
    .filter((slot) => (moved[slot] as number) > 0)
    .sort((x, y) => (moved[y] as number) - (moved[x] as number))
    .slice(0, most);
}

function halfOf(moved: Float64Array): number | null {
  const squares = moved
    .filter(Number.isFinite)
    .map((value) => value * value)
    .sort()
    .reverse();
  const total = squares.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return null;
  let sum = 0;
  return 1 + squares.findIndex((value) => (sum += value) >= total / 2);
}

function deadOf(lengths: Float64Array): number {
  const sorted = lengths.filter(Number.isFinite).sort();
  const least = DEAD * (sorted[sorted.length >> 1] ?? 0);
  return sorted.filter((value) => value <= least).length;
}
