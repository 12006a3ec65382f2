import type { ElementType } from '../../../src/format/onnx/element-types';
import { tensorOf } from '../../../src/graph/onnx/tensor-values';
import type { Attribute, OnnxModel, OnnxNode, OnnxTensor, ValueInfo } from '../../../src/format/onnx/types';

/** A value of an attribute, as short as a test wants it: whole numbers are ints, `{ float }` says otherwise. */
export type Plain =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: OnnxTensor };

export function attribute(value: Plain): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  if ('floats' in value) return { kind: 'floats', value: value.floats };
  if ('strings' in value) return { kind: 'strings', value: value.strings };
  if ('tensor' in value) return { kind: 'tensor', value: value.tensor };
  return { kind: 'ints', value };
}

/** One node; `inputs` and `outputs` are lists of names with blanks between them, `-` for one that is left out. */
export function node(
  op: string,
  inputs: string,
  outputs: string,
  attributes: Readonly<Record<string, Plain>> = {},
  domain = '',
): OnnxNode {
  const names = (text: string): string[] =>
    text.split(' ').flatMap((name) => (name === '' ? [] : [name === '-' ? '' : name]));
  return {
    name: `${op}:${outputs}`,
    op,
    domain,
    inputs: names(inputs),
    outputs: names(outputs),
    attributes: new Map(Object.entries(attributes).map(([name, value]) => [name, attribute(value)])),
  };
}

export function tensor(
  name: string,
  type: ElementType,
  shape: readonly number[],
  values: ArrayLike<number>,
): OnnxTensor {
  const made = tensorOf(name, type, shape, values);
  if (made === null) throw new Error(`no tensor of ${type}`);
  return made;
}

export function value(name: string, type: ElementType, shape: ValueInfo['shape'] = null): ValueInfo {
  return { name, type, shape };
}

/** A model in memory. */
export function model(parts: {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers?: readonly OnnxTensor[];
  readonly opset?: number;
  readonly path?: string;
}): OnnxModel {
  const opset = parts.opset ?? 18;
  return {
    path: parts.path ?? 'model.onnx',
    irVersion: 8,
    producer: 'test',
    opsets: new Map([
      ['', opset],
      ['com.microsoft', 1],
    ]),
    functions: [],
    graph: { name: 'test', initializers: parts.initializers ?? [], ...parts },
  };
}

/** Numbers that only depend on the seed, normally distributed. */
export function gaussians(count: number, seed: number): Float64Array {
  let state = seed * 2654435761 + 1;
  const uniform = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 13), 3266489917);
    mixed ^= mixed >>> 16;
    return ((mixed >>> 0) + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => {
    return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  });
}
