/** What is left of a direction, relative to its own length squared, before it counts as a combination of others. */
const DEPENDENT = 1e-12;

/**
 * Least squares from inner products alone: coefficients c that minimise ‖τ − Σ cₛτₛ‖², from Gₛᵤ = ⟨τₛ, τᵤ⟩ (n × n,
 * row-major) and bₛ = ⟨τₛ, τ⟩. Solved by Cholesky with pivoting over unit vectors: a source that is a combination of
 * others already taken gets 0, as does one of length 0.
 */
export function leastSquares(gram: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const lengths = Float64Array.from(b, (_, s) => Math.sqrt(Math.max(0, gram[s * n + s] as number)));
  const factor = new Float64Array(n * n);
  const left = Float64Array.from(lengths, (length) => (length > 0 ? 1 : 0));
  const taken: number[] = [];
  for (let next = largest(left); next >= 0; next = largest(left)) {
    const pivot = Math.sqrt(left[next] as number);
    const k = taken.length;
    for (let s = 0; s < n; s++) {
      if (!((lengths[s] as number) > 0)) continue;
      let value = (gram[s * n + next] as number) / ((lengths[s] as number) * (lengths[next] as number));
      for (let j = 0; j < k; j++) value -= (factor[s * n + j] as number) * (factor[next * n + j] as number);
      factor[s * n + k] = value / pivot;
    }
    for (let s = 0; s < n; s++) {
      if ((left[s] as number) > 0)
        left[s] = Math.max(0, (left[s] as number) - (factor[s * n + k] as number) ** 2);
    }
    taken.push(next);
    left[next] = 0;
  }
  return solved(taken, factor, lengths, b);
}

function largest(left: Float64Array): number {
  let best = -1;
  for (let s = 0; s < left.length; s++) {
    const value = left[s] as number;
    if (value > DEPENDENT && (best < 0 || value > (left[best] as number))) best = s;
  }
  return best;
}

/** Forward and backward substitution over the pivots. */
function solved(
  taken: readonly number[],
  factor: Float64Array,
  lengths: Float64Array,
  b: Float64Array,
): Float64Array {
  const n = b.length;
  const rank = taken.length;
  const forward = new Float64Array(rank);
  for (const [i, s] of taken.entries()) {
    let value = (b[s] as number) / (lengths[s] as number);
    for (let j = 0; j < i; j++) value -= (factor[s * n + j] as number) * (forward[j] as number);
    forward[i] = value / (factor[s * n + i] as number);
  }
  const coefficients = new Float64Array(n);
  for (let i = rank - 1; i >= 0; i--) {
    const s = taken[i] as number;
    let value = forward[i] as number;
    for (let j = i + 1; j < rank; j++) {
      const other = taken[j] as number;
      value -= (factor[other * n + i] as number) * (coefficients[other] as number);
    }
    coefficients[s] = value / (factor[s * n + i] as number);
  }
  return coefficients.map((value, s) => ((lengths[s] as number) > 0 ? value / (lengths[s] as number) : 0));
}

const SWEEPS = 10_000;
const STILL = 1e-12;

/**
 * LASSO from inner products alone: ν that minimises ½‖τ − Σ νₛτₛ‖² + μ‖ν‖₁, by coordinate descent
 * νₛ ← S(bₛ − Σ_{u≠s} Gₛᵤνᵤ, μ) / Gₛₛ with the soft threshold S. Starts from `start`, until no step moves τ by more than
 * 1e-12 of its length. `squares` is ‖τ‖².
 */
export function lasso(
  gram: Float64Array,
  b: Float64Array,
  squares: number,
  mu: number,
  start: Float64Array = new Float64Array(b.length),
): Float64Array {
  const n = b.length;
  const nu = start.slice();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = 0;
    for (let s = 0; s < n; s++) {
      const own = gram[s * n + s] as number;
      if (!(own > 0)) continue;
      let rest = b[s] as number;
      for (let u = 0; u < n; u++) if (u !== s) rest -= (gram[s * n + u] as number) * (nu[u] as number);
      const after = (Math.sign(rest) * Math.max(0, Math.abs(rest) - mu)) / own;
      moved = Math.max(moved, (after - (nu[s] as number)) ** 2 * own);
      nu[s] = after;
    }
    if (moved <= STILL * STILL * squares) break;
  }
  return nu;
}

/** 1 − ‖τ − Σ cₛτₛ‖² / ‖τ‖², at most 1; `null` where τ is 0. Below 0 for coefficients worse than none. */
export function explainedShare(
  gram: Float64Array,
  b: Float64Array,
  squares: number,
  coefficients: Float64Array,
): number | null {
  if (!(squares > 0)) return null;
  const n = b.length;
  let gained = 0;
  for (let s = 0; s < n; s++) {
    const own = coefficients[s] as number;
    if (own === 0) continue;
    let inner = 2 * (b[s] as number);
    for (let u = 0; u < n; u++) inner -= (gram[s * n + u] as number) * (coefficients[u] as number);
    gained += own * inner;
  }
  return Math.min(1, gained / squares);
}
