import type { Attribute, OnnxNode, OnnxTensor } from '../../format/onnx/types';
import { tensorOf } from '../onnx/tensor-values';

/** Nodes without constants, and the constants as initializers. */
export interface Separated {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
}

/**
 * Makes initializers of Constant nodes, and of what is an initializer under a second name (an Identity, which exporters
 * write where two parameters are equal: the second name is that of the other parameter).
 */
export function separateConstants(nodes: readonly OnnxNode[], given: readonly OnnxTensor[]): Separated {
  const initializers = new Map(given.map((tensor) => [tensor.name, tensor]));
  const rest: OnnxNode[] = [];
  for (const node of nodes) {
    const tensor = node.domain === '' ? initializerOf(node, initializers) : null;
    if (tensor === null) rest.push(node);
    else initializers.set(tensor.name, tensor);
  }
  return { nodes: rest, initializers };
}

function initializerOf(node: OnnxNode, known: ReadonlyMap<string, OnnxTensor>): OnnxTensor | null {
  const [name = ''] = node.outputs;
  if (node.op === 'Identity') {
    const same = known.get(node.inputs[0] ?? '');
    return same === undefined ? null : { ...same, name };
  }
  if (node.op !== 'Constant') return null;
  const [entry] = [...node.attributes].filter(([key]) => key.startsWith('value'));
  return entry === undefined ? null : constantOf(name, entry[1]);
}

function constantOf(name: string, attribute: Attribute): OnnxTensor | null {
  switch (attribute.kind) {
    case 'tensor':
      return { ...attribute.value, name };
    case 'int':
      return tensorOf(name, 'int64', [], [attribute.value]);
    case 'ints':
      return tensorOf(name, 'int64', [attribute.value.length], attribute.value);
    case 'float':
      return tensorOf(name, 'float32', [], [attribute.value]);
    case 'floats':
      return tensorOf(name, 'float32', [attribute.value.length], attribute.value);
    case 'string':
    case 'strings':
    case 'graph':
    case 'reference':
    case 'other':
      return null;
  }
}
