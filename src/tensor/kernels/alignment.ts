import { columnsOf, squaresOf, transposed, type Dense } from '../linear/dense';
import { multiply, multiplyTransposed } from '../linear/multiply';
import type { LowRankDelta } from '../pass';

/** Columns multiplied at a time: turned as a whole the matrix would be held twice. */
const PANEL = 256;

/** How much of a matrix lies along each of some directions. */
export interface Alignment {
  /** ‖uᵢᵀP‖² for each direction. */
  readonly energies: Float64Array;
  /** ‖P‖_F². */
  readonly squares: number;
}

/** ‖uᵢᵀP‖² for the columns uᵢ of `left` (m × k) and a matrix P (m × n), in float64. */
export function alignment(left: Dense, part: Dense): Alignment {
  const directions = transposed(left);
  const energies = new Float64Array(left.columns);
  for (let first = 0; first < part.columns; first += PANEL) {
    const panel = transposed(columnsOf(part, first, Math.min(first + PANEL, part.columns)));
    const along = rowSquares(multiplyTransposed(directions, panel));
    for (let i = 0; i < along.length; i++) energies[i] = (energies[i] as number) + (along[i] as number);
  }
  return { energies, squares: squaresOf(part) };
}

/** {@link alignment} of P = s·B·A without the product: ‖uᵢᵀP‖² = s² wᵢ (AAᵀ) wᵢᵀ with wᵢ = uᵢᵀB. */
export function factoredAlignment(
  left: Dense,
  { scale, b, a, rows, columns, rank }: LowRankDelta,
): Alignment {
  const factorA: Dense = { rows: rank, columns, values: a };
  const factorB: Dense = { rows, columns: rank, values: b };
  const gramA = multiplyTransposed(factorA, factorA);
  const weights = multiply(transposed(left), factorB);
  const energies = rowProducts(weights, multiply(weights, gramA));
  const turnedB = transposed(factorB);
  const gramB = multiplyTransposed(turnedB, turnedB);
  let squares = 0;
  for (let i = 0; i < gramA.values.length; i++) {
    squares += (gramA.values[i] as number) * (gramB.values[i] as number);
  }
  return {
    energies: energies.map((value) => scale * scale * Math.max(0, value)),
    squares: scale * scale * Math.max(0, squares),
  };
}

function rowSquares(matrix: Dense): Float64Array {
  return rowProducts(matrix, matrix);
}

/** Inner products of the rows of two matrices of one shape. */
function rowProducts(x: Dense, y: Dense): Float64Array {
  const { rows, columns } = x;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) {
      sum += (x.values[at] as number) * (y.values[at] as number);
    }
    return sum;
  });
}
