import { squaresOf, type Dense } from '../tensor/linear/dense';
import { multiply, multiplyTransposed } from '../tensor/linear/multiply';
import { circuitFactors, type CircuitFactors } from './head-circuit';
import { groupOf, headRows, ovCircuit, qkCircuit, type HeadWeights } from './head-weights';

/** What a later head does with a direction: asks with it, is found by it, or passes it on. */
export const COMPOSITIONS = ['Q', 'K', 'V'] as const;
export type Composition = (typeof COMPOSITIONS)[number];

/** What a unit direction drawn at random would score with a matrix W of this size. */
export interface RandomScore {
  /** Mean of ‖Wu‖²/‖W‖²_F over unit vectors u: 1/hidden, whatever W is. */
  readonly mean: number;
  /** Standard deviation of the same: with A = WᵀW/‖W‖²_F, √(2(tr A² − 1/d)/(d(d + 2))), d = hidden. */
  readonly deviation: number;
}

/** A head of a later layer as a reader of directions in the residual stream. */
interface HeadReader {
  readonly qk: CircuitFactors;
  readonly ov: CircuitFactors;
  readonly qkSquares: number;
  readonly ovSquares: number;
  readonly random: Readonly<Record<Composition, RandomScore>>;
}

/** Every head of one layer as a reader. */
export interface LayerReader {
  readonly weights: HeadWeights;
  readonly heads: readonly HeadReader[];
}

/** Prepares the heads of a layer to be read from: cost heads · hidden · head size². */
export function layerReader(weights: HeadWeights): LayerReader {
  const hidden = weights.query.columns;
  return {
    weights,
    heads: Array.from({ length: weights.heads }, (_, head) => {
      const qk = circuitFactors(qkCircuit(weights, head));
      const ov = circuitFactors(ovCircuit(weights, head));
      const ofQk = randomScore(qk.core, hidden);
      const random = { Q: ofQk, K: ofQk, V: randomScore(ov.core, hidden) };
      return { qk, ov, qkSquares: squaresOf(qk.core), ovSquares: squaresOf(ov.core), random };
    }),
  };
}

function randomScore(core: Dense, hidden: number): RandomScore {
  const squares = squaresOf(core);
  const mean = 1 / hidden;
  if (squares === 0) return { mean, deviation: 0 };
  const fourth = squaresOf(multiplyTransposed(core, core)) / squares ** 2;
  return { mean, deviation: Math.sqrt(Math.max(0, (2 * (fourth - mean)) / (hidden * (hidden + 2)))) };
}

/**
 * Composition scores of unit directions u (rows of `directions`, n × hidden) with every head of a layer, each heads × n:
 * Q ‖W_QKᵀu‖/‖W_QK‖_F, K ‖W_QK·u‖/‖W_QK‖_F, V ‖W_OV·u‖/‖W_OV‖_F (Merullo et al. 2024, after Elhage et al. 2021).
 * NaN for a head whose matrix is 0. One product of a layer's weights with all directions: cost
 * (query heads + 2 key-value heads) · head size · hidden · n.
 */
export function compositionScores(
  { weights, heads }: LayerReader,
  directions: Dense,
): Readonly<Record<Composition, Float64Array>> {
  const n = directions.rows;
  const asked = multiplyTransposed(weights.query, directions);
  const found = multiplyTransposed(weights.key, directions);
  const passed = multiplyTransposed(weights.value, directions);
  const scores = {
    Q: new Float64Array(heads.length * n),
    K: new Float64Array(heads.length * n),
    V: new Float64Array(heads.length * n),
  };
  heads.forEach(({ qk, ov, qkSquares, ovSquares }, head) => {
    const group = groupOf(weights, head);
    // ‖W_Kᵀ(W_Q·u)‖ = ‖r·(W_Q·u)‖ with rᵀr = W_K·W_Kᵀ, and likewise for the others.
    const own = [
      { kind: 'Q', factor: qk.right, seen: headRows(asked, head, weights.headSize), squares: qkSquares },
      { kind: 'K', factor: qk.left, seen: headRows(found, group, weights.headSize), squares: qkSquares },
      { kind: 'V', factor: ov.left, seen: headRows(passed, group, weights.valueSize), squares: ovSquares },
    ] as const;
    for (const { kind, factor, seen, squares } of own) {
      scores[kind].set(columnNorms(factor, seen, Math.sqrt(squares)), head * n);
    }
  });
  return scores;
}

/** Norms of the columns of factor·seen, divided by `norm`. */
function columnNorms(factor: Dense, seen: Dense, norm: number): Float64Array {
  const sums = new Float64Array(seen.columns);
  const { values, columns } = multiply(factor, seen);
  for (let at = 0; at < values.length; at++) {
    sums[at % columns] = (sums[at % columns] as number) + (values[at] as number) ** 2;
  }
  return norm > 0 ? sums.map((sum) => Math.sqrt(sum) / norm) : sums.fill(NaN);
}
