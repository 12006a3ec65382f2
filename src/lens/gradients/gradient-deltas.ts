import { deltaSource } from '../../graph/bind/weight-source';
import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import { cancelled, success, type Result } from '../../protocol/result';
import type { NetworkGradients } from './mean-gradients';
import { roundingNoise } from './rounding-noise';

/** A gradient and a task vector in one tensor. */
export interface BlockProduct {
  readonly tensor: string;
  /** ⟨∂L/∂θ, τ⟩; `null` where the gradient is rounding only, 0 where the task leaves the tensor as it is. */
  readonly dot: number | null;
  /** `null` where either is 0, too. */
  readonly cosine: number | null;
  /** ‖∂L/∂θ‖², 0 where it is rounding only. */
  readonly gradientSquares: number;
  /** ‖τ‖² */
  readonly deltaSquares: number;
}

/**
 * Inner products of a gradient with a task vector, tensor by tensor, in the order of the gradient. One tensor of τ in
 * memory at a time. Tensors that a fine-tune lacks are left out. Fails with `cancelled`, or as reading does.
 */
export async function gradientDeltas(
  { base }: Study,
  gradients: NetworkGradients,
  task: TaskVector,
  signal: AbortSignal,
): Promise<Result<readonly BlockProduct[]>> {
  const products: BlockProduct[] = [];
  if (base === null) return success(products);
  const source = deltaSource(base, task);
  const noise = roundingNoise(gradients.tensors);
  for (const [tensor, gradient] of gradients.tensors) {
    if (signal.aborted) return cancelled();
    if (task.kind === 'dense' && !task.deltas.has(tensor)) continue;
    const delta = await source.load(tensor);
    if (!delta.ok) return delta;
    products.push({ tensor, ...productOf(gradient, delta.value, noise.has(tensor)) });
  }
  return success(products);
}

function productOf(
  gradient: Float32Array,
  delta: Float64Array,
  isNoise: boolean,
): Omit<BlockProduct, 'tensor'> {
  let [dot, gradientSquares, deltaSquares] = [0, 0, 0];
  for (let i = 0; i < gradient.length; i++) {
    const [g, t] = [gradient[i] ?? 0, delta[i] ?? 0];
    dot += g * t;
    gradientSquares += g * g;
    deltaSquares += t * t;
  }
  if (isNoise) return { dot: null, cosine: null, gradientSquares: 0, deltaSquares };
  const size = Math.sqrt(gradientSquares * deltaSquares);
  return { dot, cosine: size > 0 ? dot / size : null, gradientSquares, deltaSquares };
}
