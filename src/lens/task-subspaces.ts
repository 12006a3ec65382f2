import { multiply, multiplyTransposed } from '../tensor/linear/multiply';
import { transposed, type Dense } from '../tensor/linear/dense';
import { singularValues } from '../tensor/linear/svd';
import type { MatrixOutcome } from '../tensor/matrix-source';

/** The strongest directions of one task in one tensor. */
export interface TaskSubspace {
  /** Index into the study's tasks. */
  readonly task: number;
  readonly singular: Float64Array;
  /** m × k and k × n. */
  readonly left: Dense;
  readonly right: Dense;
}

/** How the left subspaces of two tasks lie to each other. */
export interface SubspacePair {
  readonly a: number;
  readonly b: number;
  /** ‖UₐᵀU_b‖_F² / min(kₐ, k_b), 0 for orthogonal subspaces, 1 where one holds the other. */
  readonly overlap: number;
  /** Cosines of the smallest and of the largest principal angle. */
  readonly closest: number;
  readonly farthest: number;
}

/** What the strongest directions of several tasks in one tensor do to each other. */
export interface SubspaceRelations {
  readonly pairs: readonly SubspacePair[];
  /** ‖(UᵀU − I) Σ (VᵀV − I)‖₁, and the same over Σσ; `null` for fewer than two tasks. */
  readonly interference: number | null;
  readonly relativeInterference: number | null;
  /** All left vectors side by side, m × Σk. */
  readonly stacked: Dense;
}

/** Singular values below this share of the largest are rounding: their vectors point anywhere. */
const LEAST_SHARE = 1e-9;

/** The subspace that a truncated decomposition gives; `null` where the matrix is zero or has no decomposition. */
export function subspaceOf(task: number, outcome: MatrixOutcome): TaskSubspace | null {
  const { singular, left, right, rows, columns } = outcome;
  const largest = singular?.[0] ?? 0;
  if (singular === null || left === null || right === null || !(largest > 0)) return null;
  const all = singular.length;
  let k = all;
  while (k > 0 && (singular[k - 1] ?? 0) <= largest * LEAST_SHARE) k--;
  const kept = new Float64Array(rows * k);
  for (let row = 0; row < rows; row++) kept.set(left.subarray(row * all, row * all + k), row * k);
  return {
    task,
    singular: singular.slice(0, k),
    left: { rows, columns: k, values: kept },
    right: { rows: k, columns, values: right.slice(0, k * columns) },
  };
}

/**
 * Principal angles between the left subspaces of every two tasks (Björck, Golub 1973), and singular-task interference:
 * U and V are all vectors side by side, Σ all singular values on a diagonal (Gargiulo et al. 2025).
 */
export function subspaceRelations(subspaces: readonly TaskSubspace[]): SubspaceRelations {
  const stacked = sideBySide(subspaces.map(({ left }) => left));
  const turned = transposed(stacked);
  const gramLeft = multiplyTransposed(turned, turned);
  const starts = subspaces.map((_, index) =>
    subspaces.slice(0, index).reduce((sum, { singular }) => sum + singular.length, 0),
  );
  const pairs = subspaces.flatMap((x, i) =>
    subspaces.slice(i + 1).map((y, offset): SubspacePair => {
      const block = blockOf(gramLeft, starts[i] ?? 0, x, starts[i + 1 + offset] ?? 0, y);
      const cosines = singularValues(block).values.map((value) => Math.min(1, value));
      const energy = block.values.reduce((sum, value) => sum + value * value, 0);
      const [closest = 0] = cosines;
      return {
        a: x.task,
        b: y.task,
        overlap: Math.min(1, energy / cosines.length),
        closest,
        farthest: cosines.at(-1) ?? 0,
      };
    }),
  );
  return { pairs, stacked, ...interferenceOf(subspaces, gramLeft) };
}

function interferenceOf(
  subspaces: readonly TaskSubspace[],
  gramLeft: Dense,
): Pick<SubspaceRelations, 'interference' | 'relativeInterference'> {
  if (subspaces.length < 2) return { interference: null, relativeInterference: null };
  const rights = below(subspaces.map(({ right }) => right));
  const right = withoutIdentity(multiplyTransposed(rights, rights));
  const singular = subspaces.flatMap((each) => Array.from(each.singular));
  const weighted = withoutIdentity(gramLeft);
  const n = singular.length;
  for (let at = 0; at < n * n; at++) {
    weighted.values[at] = (weighted.values[at] as number) * (singular[at % n] ?? 0);
  }
  const product = multiply(weighted, right);
  const interference = product.values.reduce((sum, value) => sum + Math.abs(value), 0);
  const total = singular.reduce((sum, value) => sum + value, 0);
  return { interference, relativeInterference: interference / total };
}

function withoutIdentity({ rows, columns, values }: Dense): Dense {
  const rest = Float64Array.from(values);
  for (let i = 0; i < rows; i++) rest[i * columns + i] = (rest[i * columns + i] as number) - 1;
  return { rows, columns, values: rest };
}

function blockOf(gram: Dense, row: number, x: TaskSubspace, column: number, y: TaskSubspace): Dense {
  const [rows, columns] = [x.singular.length, y.singular.length];
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const from = (row + i) * gram.columns + column;
    values.set(gram.values.subarray(from, from + columns), i * columns);
  }
  return { rows, columns, values };
}

function sideBySide(parts: readonly Dense[]): Dense {
  const rows = parts[0]?.rows ?? 0;
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const values = new Float64Array(rows * columns);
  let before = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++) {
      values.set(part.values.subarray(row * part.columns, (row + 1) * part.columns), row * columns + before);
    }
    before += part.columns;
  }
  return { rows, columns, values };
}

function below(parts: readonly Dense[]): Dense {
  const columns = parts[0]?.columns ?? 0;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const values = new Float64Array(rows * columns);
  let before = 0;
  for (const part of parts) {
    values.set(part.values, before);
    before += part.values.length;
  }
  return { rows, columns, values };
}
