import { heldTensor, type OutputTensor } from '../format/output-file';
import { encode, isWritable, type WritableDtype } from '../tensor/encode';
import type { DtypeName } from '../tensor/dtype';
import type { FactorDtype } from '../protocol/write';
import type { Svd } from '../tensor/linear/svd';

/** The factors of one module of a LoRA, ready to be written: ΔW = B·A, scale 1. */
export interface LoraModule {
  /** The base's name of the module, with dots. */
  readonly module: string;
  /** An embedding's factors have names of their own and no kernel. */
  readonly embedding: boolean;
  readonly rank: number;
  readonly dtype: WritableDtype;
  /** rank × inputs, and × kernel of a convolution. */
  readonly shapeA: readonly number[];
  /** outputs × rank, and × 1 × 1 of a convolution. */
  readonly shapeB: readonly number[];
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

/** Where factors belong. */
export interface ModulePlace {
  readonly module: string;
  readonly embedding: boolean;
  /** Inputs, and the kernel of a convolution. */
  readonly inner: readonly number[];
}

/**
 * The first `rank` triples of a decomposition as factors, the singular values half in each: B = U·√Σ, A = √Σ·Vᵀ, as PEFT's
 * and kohya's resizing have it, so that neither factor is much larger than the other.
 */
export function factorsFrom(
  { left, values, right }: Pick<Svd, 'left' | 'values' | 'right'>,
  rank: number,
  { module, embedding, inner }: ModulePlace,
  dtype: WritableDtype,
): LoraModule {
  const roots = values.slice(0, rank).map(Math.sqrt);
  const b = new Float64Array(left.rows * rank);
  for (let i = 0; i < left.rows; i++)
    for (let k = 0; k < rank; k++)
      b[i * rank + k] = (left.values[i * left.columns + k] as number) * (roots[k] as number);
  const a = new Float64Array(rank * right.columns);
  for (let k = 0; k < rank; k++)
    for (let j = 0; j < right.columns; j++)
      a[k * right.columns + j] = (right.values[k * right.columns + j] as number) * (roots[k] as number);
  const kernel = inner.slice(1).map(() => 1);
  return {
    module, embedding, rank, dtype,
    shapeA: [rank, ...inner], shapeB: [left.rows, rank, ...kernel],
    a: encode(dtype, a), b: encode(dtype, b),
  }; // prettier-ignore
}

/** The tensors of a module under PEFT's names. */
export function peftTensors(lora: LoraModule): readonly OutputTensor[] {
  const [a, b] = peftNames(lora.module, lora.embedding);
  return [heldTensor(a, lora.dtype, lora.shapeA, lora.a), heldTensor(b, lora.dtype, lora.shapeB, lora.b)];
}

/** PEFT's names of both factors of a module. */
export function peftNames(module: string, embedding: boolean): readonly [a: string, b: string] {
  const prefix = `base_model.model.${module}`;
  return embedding
    ? [`${prefix}.lora_embedding_A`, `${prefix}.lora_embedding_B`]
    : [`${prefix}.lora_A.weight`, `${prefix}.lora_B.weight`];
}

/** The element type that factors are written in; float32 where the own one cannot be written. */
export function writtenDtype(choice: FactorDtype, own: DtypeName): WritableDtype {
  if (choice !== 'keep') return choice;
  return isWritable(own) ? own : 'F32';
}
