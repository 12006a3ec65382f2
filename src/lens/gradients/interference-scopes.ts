import type { Study } from '../../model/study';
import { success, type Result } from '../../protocol/result';
import { ScopeSums, type Scope } from '../scopes';
import { gradientDeltas } from './gradient-deltas';
import type { TaskGradient } from './task-gradients';

/** First-order effects in one part of the network, tasks × tasks, row-major: row the loss, column the task vector. */
export interface Effects {
  /** Σ ⟨∂Lᵢ/∂θ, τⱼ⟩ */
  readonly dots: Float64Array;
  /** ‖∂Lᵢ/∂θ‖² and ‖τⱼ‖² over the same tensors. */
  readonly gradients: Float64Array;
  readonly deltas: Float64Array;
}

/** The whole network, every layer, every tensor. */
export interface InterferenceScopes {
  readonly scopes: readonly Scope<Effects>[];
  /** The end of a caption that says what was left out; empty where nothing was. */
  readonly leftOut: string;
}

/** ⟨∇Lᵢ, τⱼ⟩ of every two tasks, i = j too, over the whole, layers and tensors. Fails with `cancelled`, or as reading does. */
export async function interferenceScopes(
  study: Study,
  tasks: readonly TaskGradient[],
  signal: AbortSignal,
): Promise<Result<InterferenceScopes>> {
  const n = tasks.length;
  const names = [...new Set(tasks.flatMap(({ gradients }) => [...gradients.tensors.keys()]))];
  const sums = new ScopeSums<Effects>(names, n * n, () => ({
    dots: new Float64Array(n * n),
    gradients: new Float64Array(n * n),
    deltas: new Float64Array(n * n),
  }));
  const found = new Map<string, { at: number; dot: number; gradient: number; delta: number }[]>();
  for (const [i, { gradients }] of tasks.entries()) {
    for (const [j, { model }] of tasks.entries()) {
      if (model === null) continue;
      const products = await gradientDeltas(study, gradients, model, signal);
      if (!products.ok) return products;
      for (const { tensor, dot, gradientSquares, deltaSquares } of products.value) {
        const own = { at: i * n + j, dot: dot ?? 0, gradient: gradientSquares, delta: deltaSquares };
        const known = found.get(tensor);
        if (known === undefined) found.set(tensor, [own]);
        else known.push(own);
      }
    }
  }
  for (const name of names) {
    sums.add(name, ({ dots, gradients, deltas }) => {
      for (const { at, dot, gradient, delta } of found.get(name) ?? []) {
        dots[at] = (dots[at] ?? 0) + dot;
        gradients[at] = (gradients[at] ?? 0) + gradient;
        deltas[at] = (deltas[at] ?? 0) + delta;
      }
    });
  }
  return success({ scopes: sums.list(), leftOut: sums.leftOut });
}

/** ⟨∇Lᵢ, τⱼ⟩ and its cosine; `null` where the gradient is rounding only or 0, or the task changed nothing. */
export function effectOf(
  { dots, gradients, deltas }: Effects,
  at: number,
): { readonly dot: number | null; readonly cosine: number | null } {
  const gradient = gradients[at] ?? 0;
  const size = Math.sqrt(gradient * (deltas[at] ?? 0));
  const dot = dots[at] ?? 0;
  return { dot: gradient > 0 ? dot : null, cosine: size > 0 ? dot / size : null };
}
