import type { Checkpoint } from '../format/checkpoint';
import type { Architecture, Stack } from '../model/architecture';

/** How many values a model has: quantisation takes matrices, and leaves vectors as they are. */
export interface ModelSize {
  readonly matrices: number;
  readonly vectors: number;
  readonly diskBytes: number;
}

/** Bytes of a model's weights when loaded, values alone. */
export interface LoadedBytes {
  readonly fp32: number;
  /** float16 or bfloat16. */
  readonly half: number;
  readonly int8: number;
  readonly int4: number;
}

/** Sizes from the header; nothing is read. A tensor of two dimensions or more is a matrix. */
export function modelSize({ tensors, files }: Checkpoint): ModelSize {
  let [matrices, vectors] = [0, 0];
  for (const { span } of tensors) {
    if (span.shape.length > 1) matrices += span.count;
    else vectors += span.count;
  }
  return { matrices, vectors, diskBytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** fp32 4·P, half 2·P, int8 matrices + 2·vectors, int4 matrices/2 + 2·vectors, in bytes. */
export function loadedBytes({ matrices, vectors }: ModelSize): LoadedBytes {
  const all = matrices + vectors;
  return { fp32: 4 * all, half: 2 * all, int8: matrices + 2 * vectors, int4: matrices / 2 + 2 * vectors };
}

/**
 * Bytes of keys and values for one token in half precision: 2 · layers · key-value heads · head size · 2. Without a number
 * of key-value heads every head has its own; without a head size it is hidden size / heads. `null` where either is unknown.
 */
export function cacheBytesPerToken(stack: Stack): number | null {
  const { layers, heads, hiddenSize } = stack;
  const keyValueHeads = stack.keyValueHeads ?? heads;
  const headSize = stack.headSize ?? (hiddenSize !== null && heads ? hiddenSize / heads : null);
  return layers === null || keyValueHeads === null || headSize === null
    ? null
    : 2 * layers * keyValueHeads * headSize * 2;
}

/**
 * Bytes of activations that a backward pass keeps in half precision, without recomputation: layers · s·b·h · (34 + 5·a·s/h)
 * (Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, eq. 1) for s tokens, b sequences, hidden size h, a heads.
 * `null` where the configuration does not say.
 */
export function activationBytes(
  architecture: Architecture | null,
  tokens: number,
  batch: number,
): number | null {
  const stack = architecture?.stacks.find(({ within }) => within === null);
  if (!stack || stack.layers === null || stack.hiddenSize === null || stack.heads === null) return null;
  const { layers, hiddenSize, heads } = stack;
  return layers * tokens * batch * hiddenSize * (34 + (5 * heads * tokens) / hiddenSize);
}

/** What training takes beside activations, in bytes. */
export interface TrainingBytes {
  readonly frozen: number;
  readonly weights: number;
  readonly gradients: number;
  readonly adam: number;
  readonly adam8bit: number;
}

/**
 * Of `trainable` values beside `frozen` ones: frozen weights in half precision (2 bytes), trained ones, their gradients and
 * both moments of Adam in float32 (4, 4 and 8 bytes; Kingma & Ba 2015), or moments of a byte each (Dettmers et al. 2022).
 */
export function trainingBytes(frozen: number, trainable: number): TrainingBytes {
  return {
    frozen: 2 * frozen,
    weights: 4 * trainable,
    gradients: 4 * trainable,
    adam: 8 * trainable,
    adam8bit: 2 * trainable,
  };
}
