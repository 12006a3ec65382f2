import { cosineOf, normOf, type LayerGeometry } from './expert-geometry';
import type { MatchedLayer } from './expert-matching';

/** A layer with everything that was found out about it. */
export interface LayerFigures extends LayerGeometry {
  readonly matched: MatchedLayer | null;
  /** ‖τ‖ / ‖θ₀‖ of every expert against the base; `null` for the base, and where there is nothing to compare with. */
  readonly changes: readonly (number | null)[];
}

/** What is said of one expert. */
export interface ExpertFigures {
  readonly label: string;
  readonly norm: number | null;
  /** cos with the mean of all experts of the layer. */
  readonly cosMean: number | null;
  /** ‖W − mean‖ / ‖mean‖. */
  readonly deviation: number | null;
  readonly nearest: Neighbour | null;
  readonly nearestMatched: Neighbour | null;
  readonly routerNorm: number | null;
  readonly nearestRouter: Neighbour | null;
  readonly change: number | null;
  /** Why it looks dead; `null` where it does not. */
  readonly dead: 'no weights' | 'router row near 0' | null;
}

/** The most similar other expert. */
export interface Neighbour {
  readonly label: string;
  readonly cosine: number;
}

/** An expert looks dead below this share of the median norm of its layer. */
export const DEAD_BELOW = 1e-3;

/** The figures of every expert of a layer, in the order of its experts. */
export function expertFigures(layer: LayerFigures): ExpertFigures[] {
  const { experts, router, matched, changes } = layer;
  const labels = layer.layer.experts.map(({ label }) => label);
  const norms = labels.map((_, at) => normOf(experts, at));
  const routerNorms = labels.map((_, at) => (router ? normOf(router.gram, at) : null));
  const [normFloor, routerFloor] = [deadBelow(norms), deadBelow(routerNorms)];
  const mean = meanOf(layer);
  return labels.map((label, at) => {
    const norm = norms[at] ?? null;
    const routerNorm = routerNorms[at] ?? null;
    const isEmpty = norm !== null && norm <= normFloor;
    const isUnreachable = routerNorm !== null && routerNorm <= routerFloor;
    return {
      label,
      norm,
      ...against(layer, at, norm, mean),
      nearest: nearestOf(labels, at, (other) => cosineOf(experts, at, other)),
      nearestMatched: nearestOf(labels, at, (other) => matchedCosineOf(matched, at, other)),
      routerNorm,
      nearestRouter: nearestOf(labels, at, (other) => (router ? cosineOf(router.gram, at, other) : null)),
      change: changes[at] ?? null,
      dead: isEmpty ? 'no weights' : isUnreachable ? 'router row near 0' : null,
    };
  });
}

/** The cosine after matching hidden units; `null` where they were not matched. */
export function matchedCosineOf(matched: MatchedLayer | null, a: number, b: number): number | null {
  const value = matched?.cosines[a * matched.n + b] ?? NaN;
  return Number.isFinite(value) ? value : null;
}

/** Defined values of every two different experts. */
export function pairValues(n: number, valueOf: (a: number, b: number) => number | null): number[] {
  const values: number[] = [];
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const value = valueOf(a, b);
      if (value !== null) values.push(value);
    }
  }
  return values;
}

/** ⟨w, mean⟩ for every expert, and ‖mean‖². */
function meanOf({ experts: { n, products } }: LayerFigures): { dots: number[]; squares: number } {
  const dots = Array.from({ length: n }, (_, at) => {
    let sum = 0;
    for (let other = 0; other < n; other++) sum += products[at * n + other] ?? 0;
    return sum / n;
  });
  return { dots, squares: dots.reduce((sum, dot) => sum + dot, 0) / n };
}

function against(
  { experts }: LayerFigures,
  at: number,
  norm: number | null,
  { dots, squares }: ReturnType<typeof meanOf>,
): { cosMean: number | null; deviation: number | null } {
  const dot = dots[at] ?? NaN;
  const length = Math.sqrt(squares);
  if (norm === null || !(length > 0) || !Number.isFinite(dot)) return { cosMean: null, deviation: null };
  const square = experts.products[at * experts.n + at] ?? NaN;
  return {
    cosMean: norm > 0 ? dot / (norm * length) : null,
    deviation: Math.sqrt(Math.max(0, square - 2 * dot + squares)) / length,
  };
}

function nearestOf(
  labels: readonly string[],
  at: number,
  cosine: (other: number) => number | null,
): Neighbour | null {
  let best: Neighbour | null = null;
  labels.forEach((label, other) => {
    const value = other === at ? null : cosine(other);
    if (value !== null && (best === null || value > best.cosine)) best = { label, cosine: value };
  });
  return best;
}

function deadBelow(norms: readonly (number | null)[]): number {
  const sorted = norms.flatMap((norm) => norm ?? []).sort((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)] ?? 0) * DEAD_BELOW;
}
