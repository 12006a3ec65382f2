import { compareRows, OTHER_LAYER, placeOf } from '../model/naming';
import type { TensorGram } from './task-gram';
import { explainedShare, lasso, leastSquares } from './gram-solve';

/** Inner products of all tasks in one part of the network. */
export interface GramPart {
  readonly kind: 'all' | 'layer' | 'tensor';
  readonly name: string;
  readonly label: string;
  /** n × n, row-major. */
  readonly gram: Float64Array;
}

/** The whole, layers in network order and tensors, over the tensors that all tasks have. */
export function gramParts(tensors: readonly TensorGram[], tasks: number): GramPart[] {
  const size = tasks * tasks;
  const all: GramPart = { kind: 'all', name: 'all', label: 'whole model', gram: new Float64Array(size) };
  const layers = new Map<string, GramPart>();
  const single: GramPart[] = [];
  for (const { tensor, gram } of tensors) {
    const { layer: name, layerLabel } = placeOf(tensor);
    const label = name === OTHER_LAYER ? name : layerLabel;
    const layer = layers.get(name) ?? { kind: 'layer', name, label, gram: new Float64Array(size) };
    layers.set(name, layer);
    for (const sums of [all.gram, layer.gram]) {
      for (let at = 0; at < size; at++) sums[at] = (sums[at] as number) + (gram[at] as number);
    }
    single.push({ kind: 'tensor', name: tensor, label: tensor, gram });
  }
  return [all, ...[...layers.values()].sort((a, b) => compareRows(a.name, b.name)), ...single];
}

/** One task in terms of the others, in one part. */
export interface Attribution {
  readonly part: GramPart;
  readonly target: number;
  /** The other tasks. */
  readonly sources: readonly number[];
  readonly least: Float64Array;
  readonly sparse: Float64Array;
  /** Share of ‖τ‖² that the least-squares, and the sparse, combination explains; `null` where the target is 0 there. */
  readonly explained: number | null;
  readonly sparseExplained: number | null;
  /** cₛbₛ/‖τ‖² of the least-squares combination: they add up to `explained`. */
  readonly contributions: readonly (number | null)[];
}

/** Decomposes a task on all others. `penalty` is μ in units of the one from which on every coefficient is 0. */
export function attribute(part: GramPart, target: number, tasks: number, penalty: number): Attribution {
  const { sources, gram, b, squares } = problemOf(part.gram, target, tasks);
  const least = leastSquares(gram, b);
  const sparse = lasso(gram, b, squares, penalty * largestPenalty(b));
  return {
    part,
    target,
    sources,
    least,
    sparse,
    explained: explainedShare(gram, b, squares, least),
    sparseExplained: explainedShare(gram, b, squares, sparse),
    contributions: [...least].map((value, s) => (squares > 0 ? (value * (b[s] as number)) / squares : null)),
  };
}

/** Coefficients along the path of penalties, from the one that leaves nothing to nearly none. */
export function lassoPath(
  part: GramPart,
  target: number,
  tasks: number,
  penalties: readonly number[],
): { readonly sources: readonly number[]; readonly coefficients: readonly Float64Array[] } {
  const { sources, gram, b, squares } = problemOf(part.gram, target, tasks);
  let before: Float64Array = new Float64Array(sources.length);
  const coefficients = penalties.map((penalty) => {
    before = lasso(gram, b, squares, penalty * largestPenalty(b), before);
    return before;
  });
  return { sources, coefficients };
}

/** max|bₛ|: from this μ on every coefficient is 0. */
function largestPenalty(b: Float64Array): number {
  return b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function problemOf(whole: Float64Array, target: number, tasks: number) {
  const sources = Array.from({ length: tasks }, (_, task) => task).filter((task) => task !== target);
  const at = (i: number, j: number) => whole[i * tasks + j] as number;
  return {
    sources,
    gram: Float64Array.from(sources.flatMap((s) => sources.map((u) => at(s, u)))),
    b: Float64Array.from(sources, (s) => at(s, target)),
    squares: at(target, target),
  };
}
