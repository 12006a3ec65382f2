import { zeros, type Dense } from '../tensor/linear/dense';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { symmetricEigen } from '../tensor/linear/symmetric-eigen';
import { circuitInner } from './head-circuit';
import { groupOf, headRows, ovCircuit, qkCircuit, type HeadWeights } from './head-weights';

/** The two matrices of a head. */
export type CircuitName = 'qk' | 'ov';

/**
 * Cosines of [W_Q; W_K], flattened, between the heads of two blocks (Cao et al. 2024, the match score of DirectShare); with
 * grouped queries a unit is a key-value head with its query heads in order. keyValueHeads of a × those of b; `null` where
 * the blocks are not of one shape. NaN for a head of zeros.
 */
export function shareCosines(a: HeadWeights, b: HeadWeights): Float64Array | null {
  const alike =
    a.headSize === b.headSize &&
    a.query.columns === b.query.columns &&
    a.key.columns === b.key.columns &&
    a.heads / a.keyValueHeads === b.heads / b.keyValueHeads;
  if (!alike) return null;
  const rows = (a.heads / a.keyValueHeads) * a.headSize;
  const inner = (x: HeadWeights, i: number, y: HeadWeights, j: number) =>
    innerOf(headRows(x.query, i, rows), headRows(y.query, j, rows)) +
    innerOf(headRows(x.key, i, x.headSize), headRows(y.key, j, y.headSize));
  const norms = (x: HeadWeights) =>
    Array.from({ length: x.keyValueHeads }, (_, i) => Math.sqrt(inner(x, i, x, i)));
  const [normsA, normsB] = [norms(a), norms(b)];
  const cosines = new Float64Array(normsA.length * normsB.length);
  normsA.forEach((normA, i) => {
    normsB.forEach((normB, j) => {
      const size = normA * normB;
      cosines[i * normsB.length + j] = size > 0 ? inner(a, i, b, j) / size : NaN;
    });
  });
  return cosines;
}

/** ‖W‖_F of one circuit of every head. */
export function circuitNorms(weights: HeadWeights, name: CircuitName): Float64Array {
  return Float64Array.from({ length: weights.heads }, (_, head) => {
    const circuit = name === 'qk' ? qkCircuit(weights, head) : ovCircuit(weights, head);
    return Math.sqrt(Math.max(0, circuitInner(circuit, circuit)));
  });
}

/**
 * |cos| of W_QK or W_OV, as hidden × hidden matrices, between all heads of two blocks, heads of a × heads of b; unlike the
 * cosine of weights it does not depend on the basis inside a head. One product of all left and one of all right factors.
 * `null` where the blocks have different hidden sizes; NaN for a head of zeros.
 */
export function circuitCosines(
  a: HeadWeights,
  b: HeadWeights,
  name: CircuitName,
  norms: { readonly a: Float64Array; readonly b: Float64Array },
): Float64Array | null {
  if (a.query.columns !== b.query.columns || a.key.columns !== b.key.columns) return null;
  const qk = name === 'qk';
  const left = qk ? multiplyTransposed(a.query, b.query) : multiplyTransposed(a.output, b.output);
  const right = qk ? multiplyTransposed(a.key, b.key) : multiplyTransposed(a.value, b.value);
  const [sizeA, sizeB] = qk ? [a.headSize, b.headSize] : [a.valueSize, b.valueSize];
  const cosines = new Float64Array(a.heads * b.heads);
  for (let i = 0; i < a.heads; i++) {
    for (let j = 0; j < b.heads; j++) {
      const inner = innerOfBlocks(
        { matrix: left, row: i * sizeA, column: j * sizeB },
        { matrix: right, row: groupOf(a, i) * sizeA, column: groupOf(b, j) * sizeB },
        sizeA,
        sizeB,
      );
      const size = (norms.a[i] ?? NaN) * (norms.b[j] ?? NaN);
      cosines[i * b.heads + j] = size > 0 ? Math.abs(inner) / size : NaN;
    }
  }
  return cosines;
}

/** A place in a matrix. */
interface Corner {
  readonly matrix: Dense;
  readonly row: number;
  readonly column: number;
}

function innerOfBlocks(x: Corner, y: Corner, rows: number, columns: number): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const atX = (x.row + i) * x.matrix.columns + x.column;
    const atY = (y.row + i) * y.matrix.columns + y.column;
    for (let j = 0; j < columns; j++) {
      sum += (x.matrix.values[atX + j] as number) * (y.matrix.values[atY + j] as number);
    }
  }
  return sum;
}

function innerOf(x: Dense, y: Dense): number {
  let sum = 0;
  for (let i = 0; i < x.values.length; i++) sum += (x.values[i] as number) * (y.values[i] as number);
  return sum;
}

/**
 * What is left of heads stacked in rows when each is diag(s_h)·W̄ with one W̄ for all: for every row i of a head the best
 * rank-one fit over the heads, 1 − Σᵢσ₁²/Σ‖W_h‖². 0 for heads that differ by scales alone. `null` where all are 0.
 */
export function scaledResidual(stacked: Dense, heads: number): number | null {
  const size = stacked.rows / heads;
  let [kept, total] = [0, 0];
  for (let row = 0; row < size; row++) {
    const rows = zeros(heads, stacked.columns);
    for (let head = 0; head < heads; head++) {
      rows.values.set(headRows(stacked, head * size + row, 1).values, head * stacked.columns);
    }
    const gram = multiplyTransposed(rows, rows);
    for (let head = 0; head < heads; head++) total += gram.values[head * heads + head] as number;
    kept += symmetricEigen(gram).values[0] ?? 0;
  }
  return total > 0 ? Math.max(0, 1 - kept / total) : null;
}
