import { multiplyTransposed } from '../tensor/linear/multiply';
import { eigenvalues } from '../tensor/linear/eigenvalues';
import { circuitFactors, circuitSpectrum, circuitTrace, type Circuit } from './head-circuit';
import { spectralFigures, type SpectralFigures } from './spectral-figures';

/** What one of the two matrices of a head says of its rank and of what it does. */
export interface CircuitFigures extends SpectralFigures {
  /** The most that its rank can be: the head size, or the hidden size where that is less. */
  readonly limit: number;
  /** rank@99 ÷ limit. */
  readonly saturation: number | null;
  /** The largest singular value. */
  readonly spectral: number;
  /** tr W / (√hidden · ‖W‖_F), −1 to 1: the share of the identity in W. `null` where W maps between different spaces. */
  readonly trace_share: number | null;
  /** Σλ / Σ|λ| over the eigenvalues of W, −1 to 1: 1 where W copies (keeps what it sees), −1 where it takes it away. */
  readonly eigenvalue_share: number | null;
}

/** The figures of a circuit; cost hidden · head size² + head size³. */
export function circuitFigures(circuit: Circuit): CircuitFigures {
  const { left, right } = circuit;
  const singular = circuitSpectrum(circuitFactors(circuit));
  const figures = spectralFigures(singular);
  const limit = Math.min(left.rows, left.columns, right.columns);
  const square = left.columns === right.columns && figures.norm > 0;
  return {
    ...figures,
    limit,
    saturation: figures.rank99 === null ? null : figures.rank99 / limit,
    spectral: singular[0] ?? 0,
    trace_share: square ? circuitTrace(circuit) / (Math.sqrt(left.columns) * figures.norm) : null,
    eigenvalue_share: square ? eigenvalueShare(circuit, figures.norm) : null,
  };
}

/** The eigenvalues of leftᵀ·right that are not 0 are those of right·leftᵀ, which is head size × head size. */
function eigenvalueShare({ left, right }: Circuit, norm: number): number | null {
  const values = eigenvalues(multiplyTransposed(right, left));
  if (!values) return null;
  const sizes = values.reduce((sum, { real, imaginary }) => sum + Math.hypot(real, imaginary), 0);
  // A nilpotent matrix has no eigenvalues but rounding errors.
  if (sizes <= 1e-12 * norm) return null;
  return values.reduce((sum, { real }) => sum + real, 0) / sizes;
}
