import { forFactorPairs } from '../tensor/factor-products';
import { transposed } from '../tensor/linear/dense';
import { lowRankSvd } from '../tensor/linear/low-rank-svd';
import type { LowRankDelta } from '../tensor/pass';
import { bestAssignment } from './assignment';

/** The rank-one atoms of one change, ΔW = Σₖ s·bₖaₖᵀ, in one gauge. */
export interface Atoms {
  /** ‖s·bₖaₖᵀ‖ of every atom, as stored, or descending. */
  readonly strengths: Float64Array;
  /** bₖ and aₖ as factors, for products with those of other changes. */
  readonly delta: LowRankDelta;
}

/** What the atoms of one module of one adapter are like. */
export interface ModuleAtoms {
  readonly raw: Atoms;
  /** The gauge of the singular value decomposition: atoms that are orthogonal to each other. */
  readonly svd: Atoms;
  /** Largest |cos| between two raw atoms; `null` where there is only one that is not 0. */
  readonly redundancy: number | null;
  /** Raw atoms that are 0. */
  readonly dead: number;
}

/** The atoms of ΔW = s·B·A in the gauge of its factors, and in that of its singular vectors. */
export function atomsOf(delta: LowRankDelta): ModuleAtoms {
  const raw = { strengths: strengthsOf(delta), delta };
  const { left, values, right } = lowRankSvd(delta);
  const { rows, columns } = delta;
  const b = left.values.map((value, at) => value * (values[at % values.length] ?? 0));
  const turned = { scale: 1, b, a: right.values, rows, columns, rank: values.length };
  const cosines = atomCosines(raw, raw);
  let redundancy: number | null = null;
  for (let i = 0; i < delta.rank; i++) {
    for (let j = 0; j < i; j++) {
      const cosine = cosines[i * delta.rank + j] ?? Number.NaN;
      if (!Number.isNaN(cosine)) redundancy = Math.max(redundancy ?? 0, Math.abs(cosine));
    }
  }
  return {
    raw,
    svd: { strengths: values, delta: turned },
    redundancy,
    dead: raw.strengths.filter((strength) => strength === 0).length,
  };
}

function strengthsOf({ scale, a, b, rows, columns, rank }: LowRankDelta): Float64Array {
  const turned = transposed({ rows, columns: rank, values: b }).values;
  return Float64Array.from({ length: rank }, (_, k) => {
    const size = (values: Float64Array, length: number) =>
      Math.sqrt(values.subarray(k * length, (k + 1) * length).reduce((sum, value) => sum + value * value, 0));
    return Math.abs(scale) * size(turned, rows) * size(a, columns);
  });
}

/**
 * cos(bᵢaᵢᵀ, bⱼaⱼᵀ) = cos(bᵢ, bⱼ)·cos(aᵢ, aⱼ) of all atoms of two changes of one shape, r₁ × r₂ row-major: the cosine of
 * rank-one matrices in the Frobenius inner product. NaN where an atom is 0.
 */
export function atomCosines(x: Atoms, y: Atoms): Float64Array {
  const cosines = new Float64Array(x.delta.rank * y.delta.rank).fill(Number.NaN);
  const pair = x === y ? [x.delta] : [x.delta, y.delta];
  forFactorPairs(pair, (i, j, { a, b }) => {
    if (x !== y && i === j) return;
    for (let at = 0; at < cosines.length; at++) {
      const [row, column] = [Math.floor(at / y.delta.rank), at % y.delta.rank];
      const scale = x.delta.scale * y.delta.scale;
      const size = (x.strengths[row] ?? 0) * (y.strengths[column] ?? 0);
      cosines[at] = size > 0 ? (scale * (a[at] ?? 0) * (b[at] ?? 0)) / size : Number.NaN;
    }
  });
  return cosines;
}

/** An atom of one change and the one of another that it is matched with. */
export interface AtomMatch {
  readonly first: number;
  readonly second: number;
  readonly cosine: number;
}

/** Matches the atoms of two changes one to one so that Σ |cos| is largest. Atoms that are 0 are matched with none. */
export function matchAtoms(x: Atoms, y: Atoms): readonly AtomMatch[] {
  const [rows, columns] = [x.delta.rank, y.delta.rank];
  const cosines = atomCosines(x, y);
  const size = Math.max(rows, columns);
  const gains = new Float64Array(size * size);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cosine = cosines[row * columns + column] ?? Number.NaN;
      gains[row * size + column] = Number.isNaN(cosine) ? 0 : Math.abs(cosine);
    }
  }
  const assigned = bestAssignment({ rows: size, columns: size, values: gains });
  return Array.from(assigned.subarray(0, rows)).flatMap((second, first): AtomMatch[] => {
    const cosine = second < columns ? (cosines[first * columns + second] ?? Number.NaN) : Number.NaN;
    return Number.isNaN(cosine) ? [] : [{ first, second, cosine }];
  });
}

/**
 * How much of a change the other one has, too: Σ σₖ²·|cosₖ| / Σ σₖ² over the matched atoms of the first in the gauge of the
 * singular vectors. 1 where the other has the same atoms, 0 where none.
 */
export function sharedEnergy(x: Atoms, matches: readonly AtomMatch[]): number | null {
  const total = x.strengths.reduce((sum, value) => sum + value * value, 0);
  if (total === 0) return null;
  const shared = matches.reduce(
    (sum, { first, cosine }) => sum + (x.strengths[first] ?? 0) ** 2 * Math.abs(cosine),
    0,
  );
  return shared / total;
}
