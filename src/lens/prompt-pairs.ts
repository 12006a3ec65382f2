import type { Dense } from '../tensor/linear/dense';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { bestAssignment } from './assignment';
import { unitRows } from './nearest-rows';
import { cosine } from './profile-sums';

/** How alike two prompts of one width are; `null` where a figure is undefined. */
export interface PromptPair {
  /** Cosine of the mean vectors. */
  readonly pooled: number | null;
  /** C_concat: cosine of all vectors behind one another; only of prompts of one length. */
  readonly concat: number | null;
  /** C_average: mean of the cosines of every vector of one with every one of the other. */
  readonly average: number | null;
  /** Mean cosine under the one-to-one assignment of vectors with the largest sum. */
  readonly matched: number | null;
  /** E_concat: 1 / (1 + ‖P − Q‖); only of prompts of one length. */
  readonly euclidean: number | null;
  /** E_average: 1 / (1 + mean ‖pᵢ − qⱼ‖). */
  readonly euclideanAverage: number;
}

/**
 * The similarities of prompts of Su et al. 2022 (https://arxiv.org/abs/2111.06719, sec. 5.1) with every vector of both, the
 * pooled one, and the best one-to-one match, since the order of vectors hardly matters. Widths must agree.
 */
export function promptPair(x: Dense, y: Dense): PromptPair {
  const products = multiplyTransposed(unitRows(x), unitRows(y)).values;
  const sameLength = x.rows === y.rows;
  const [squaresX, squaresY] = [rowSquares(x), rowSquares(y)];
  const inner = multiplyTransposed(x, y).values;
  let distances = 0;
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < y.rows; j++) {
      const square =
        (squaresX[i] as number) + (squaresY[j] as number) - 2 * (inner[i * y.rows + j] as number);
      distances += Math.sqrt(Math.max(0, square));
    }
  }
  const mean = distances / (x.rows * y.rows);
  return {
    pooled: cosineOf(meanVector(x), meanVector(y)),
    concat: sameLength ? cosineOf(x.values, y.values) : null,
    average: hasZeroRow(squaresX) || hasZeroRow(squaresY) ? null : meanOf(products),
    matched: matchedCosine(products, x.rows, y.rows),
    euclidean: sameLength ? 1 / (1 + distance(x.values, y.values)) : null,
    euclideanAverage: 1 / (1 + mean),
  };
}

/** Cosines of every two vectors of a prompt, row-major; `null` where one is zero. */
export function positionCosines(x: Dense): (number | null)[] {
  const squares = rowSquares(x);
  const products = multiplyTransposed(x, x).values;
  return Array.from(products, (value, at) => {
    const [i, j] = [Math.floor(at / x.rows), at % x.rows];
    return cosine(value, squares[i] ?? 0, squares[j] ?? 0);
  });
}

/** Mean of the vectors of a prompt. */
export function meanVector({ rows, columns, values }: Dense): Float64Array {
  const mean = new Float64Array(columns);
  for (const [at, value] of values.entries())
    mean[at % columns] = (mean[at % columns] as number) + value / rows;
  return mean;
}

/** Cosine of two vectors of one length; `null` where one is zero. */
export function cosineOf(x: Float64Array, y: Float64Array): number | null {
  let [dot, xx, yy] = [0, 0, 0];
  for (const [at, value] of x.entries()) {
    const other = y[at] ?? 0;
    dot += value * other;
    xx += value * value;
    yy += other * other;
  }
  return cosine(dot, xx, yy);
}

/** ‖row‖² of every row. */
export function rowSquares({ rows, columns, values }: Dense): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) =>
    values.subarray(row * columns, (row + 1) * columns).reduce((sum, value) => sum + value * value, 0),
  );
}

/** Over the vectors of the shorter prompt; those of the longer one that are left over count for nothing. */
function matchedCosine(products: Float64Array, rows: number, columns: number): number | null {
  const n = Math.max(rows, columns);
  const gains = new Float64Array(n * n);
  for (let i = 0; i < rows; i++) gains.set(products.subarray(i * columns, (i + 1) * columns), i * n);
  const chosen = bestAssignment({ rows: n, columns: n, values: gains });
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const j = chosen[i] ?? n;
    if (j < columns) sum += products[i * columns + j] as number;
  }
  const count = Math.min(rows, columns);
  return count > 0 ? sum / count : null;
}

function hasZeroRow(squares: Float64Array): boolean {
  return squares.some((value) => value === 0);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function distance(x: Float64Array, y: Float64Array): number {
  return Math.sqrt(x.reduce((sum, value, at) => sum + (value - (y[at] ?? 0)) ** 2, 0));
}
