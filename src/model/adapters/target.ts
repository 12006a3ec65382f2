import type { TensorEntry } from '../../format/checkpoint';
import { success } from '../../protocol/result';
import type { ModelCode } from '../finding-codes';
import { shapeText } from '../shape-text';
import type { AdapterTarget, FormedRecipe, ModuleTensors, PartValues, Refusal } from './family';

/** Tensors of a module that give no task vector. `reason` is a sentence without its full stop, in lower case. */
export function refusal(
  title: string,
  { key, parts }: ModuleTensors,
  reason: string,
  code: ModelCode = 'adapter-kind-unsupported',
): Refusal {
  return { kind: 'refused', title, module: key.module, code, reason, tensors: [...parts.values()] };
}

/** θ of θ₀ and the parts, entry by entry in C order. */
export type Form = (values: PartValues, base: Float64Array, shape: readonly number[]) => Float64Array;

/**
 * A target whose θ is formed. Without `mismatch` every part must have as many elements as the weight. Scale is 1 and there
 * is no rank: a caller with either puts it in.
 */
export function formedTarget(
  title: string,
  { key }: ModuleTensors,
  parts: ReadonlyMap<string, TensorEntry>,
  parameter: 'weight' | 'bias',
  form: Form,
  mismatch: FormedRecipe['mismatch'] = (shape) => sameCount(parts, shape),
): AdapterTarget {
  return {
    kind: 'target',
    title,
    key,
    module: key.module,
    parameter,
    rank: null,
    storedRank: null,
    alpha: null,
    scale: 1,
    tensors: [...parts.values()],
    shape: null,
    embedding: false,
    recipe: {
      kind: 'formed',
      parts,
      mismatch,
      form: (values, base, shape) => success(form(values, base, shape)),
    },
  };
}

function sameCount(parts: ReadonlyMap<string, TensorEntry>, shape: readonly number[]): string | null {
  const count = shape.reduce((product, size) => product * size, 1);
  for (const { name, span } of parts.values()) {
    if (span.count !== count)
      return `${name} is ${shapeText(span.shape)}, the base’s tensor is ${shapeText(shape)}`;
  }
  return null;
}
