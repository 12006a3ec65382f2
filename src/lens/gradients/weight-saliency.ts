import { checkpointSource, combinationSource } from '../../graph/bind/weight-source';
import type { AttentionBlock } from '../../model/attention';
import { headMatrix } from '../../model/head-part';
import { placeOf } from '../../model/naming';
import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import { cancelled, success, type Result } from '../../protocol/result';
import type { NetworkGradients } from './mean-gradients';
import { roundingNoise } from './rounding-noise';

/** θ·g of one tensor, entry by entry, summed in several ways. */
export interface TensorSaliency {
  readonly tensor: string;
  readonly count: number;
  /** Σ θ·g: what the loss would gain if the whole tensor grew by a small share. */
  readonly signed: number;
  /** Σ |θ·g| */
  readonly absolute: number;
  /** Σ θ·g of every output channel; `null` for what has none (vectors, tables of embeddings). */
  readonly channels: Float64Array | null;
  /** ‖θ − θ₀‖² */
  readonly moved: number;
  /** ‖θ₀‖² */
  readonly base: number;
  /** The gradient is what rounding leaves of zero. */
  readonly noise: boolean;
}

/** θ·g of what one attention head writes, Σ over its part of the output projection. */
export interface HeadSaliency {
  readonly block: AttentionBlock;
  readonly heads: readonly number[];
}

export interface WeightSaliency {
  readonly tensors: readonly TensorSaliency[];
  readonly heads: readonly HeadSaliency[];
}

/**
 * Products of weights and their gradient, in the order of the gradient; θ is the base with `model` on it. For the heads of
 * `blocks` the products of the output projection are summed head by head: scaling all that a head writes is scaling these
 * weights, so the sum is ∂L/∂m of a mask m = 1 on the head's output. One tensor in memory at a time. Fails with
 * `cancelled`, or as reading does.
 */
export async function weightSaliency(
  { base }: Study,
  gradients: NetworkGradients,
  model: TaskVector | null,
  blocks: readonly AttentionBlock[],
  signal: AbortSignal,
): Promise<Result<WeightSaliency>> {
  const tensors: TensorSaliency[] = [];
  const heads: HeadSaliency[] = [];
  if (base === null) return success({ tensors, heads });
  const origin = checkpointSource(base);
  const source = model === null ? origin : combinationSource(base, [{ task: model, coefficient: 1 }]);
  const noise = roundingNoise(gradients.tensors);
  const byOutput = new Map(blocks.map((block) => [block.output?.entry.name, block]));
  for (const [tensor, gradient] of gradients.tensors) {
    if (signal.aborted) return cancelled();
    const weights = await source.load(tensor);
    if (!weights.ok) return weights;
    const before = model === null ? weights : await origin.load(tensor);
    if (!before.ok) return before;
    const shape = source.shapeOf(tensor) ?? [];
    const products = Float64Array.from(weights.value, (value, at) => value * (gradient[at] ?? 0));
    tensors.push({
      tensor,
      count: products.length,
      signed: products.reduce((sum, value) => sum + value, 0),
      absolute: products.reduce((sum, value) => sum + Math.abs(value), 0),
      channels: channelSums(tensor, shape, products),
      ...movement(weights.value, before.value),
      noise: noise.has(tensor),
    });
    const block = byOutput.get(tensor);
    if (block !== undefined) heads.push({ block, heads: headSums(block, shape, products) });
  }
  return success({ tensors, heads });
}

function headSums(block: AttentionBlock, shape: readonly number[], products: Float64Array): number[] {
  const { output, heads } = block;
  const rows = shape[0] ?? 1;
  if (output === null) return [];
  const stored = { rows, columns: products.length / Math.max(1, rows), values: products };
  return Array.from({ length: heads }, (_, head) =>
    headMatrix(output, head, stored).values.reduce((sum, value) => sum + value, 0),
  );
}

/** Weights that are stored as inputs × outputs: kernels of Flax, and what GPT-2 calls Conv1D. */
const IN_OUT = /\.kernel$|(?:^|\.)c_(?:attn|proj|fc)\.weight$/;

/** Sums over the weights of every output: a row of a linear layer, a filter of a convolution. */
function channelSums(tensor: string, shape: readonly number[], products: Float64Array): Float64Array | null {
  const { module } = placeOf(tensor);
  const isTable = module.startsWith('embedding') && module !== 'embedding.patch';
  if (shape.length < 2 || isTable) return null;
  const last = IN_OUT.test(tensor);
  const channels = (last ? shape.at(-1) : shape[0]) ?? 1;
  const each = products.length / Math.max(1, channels);
  const sums = new Float64Array(channels);
  for (let i = 0; i < products.length; i++) {
    const channel = last ? i % channels : Math.floor(i / each);
    sums[channel] = (sums[channel] ?? 0) + (products[i] ?? 0);
  }
  return sums;
}

function movement(after: Float64Array, before: Float64Array): { moved: number; base: number } {
  let [moved, base] = [0, 0];
  for (let i = 0; i < before.length; i++) {
    const value = before[i] ?? 0;
    moved += ((after[i] ?? 0) - value) ** 2;
    base += value * value;
  }
  return { moved, base };
}
