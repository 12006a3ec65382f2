import { int } from '../attributes';
import { codeOf, elementTypeByCode, isFloating, type ElementType } from '../../format/onnx/element-types';
import { tensorOf, valuesInMemory } from '../onnx/tensor-values';
import type { Attribute, OnnxNode, OnnxTensor, ValueInfo } from '../../format/onnx/types';

/** Attributes that name an element type: of Cast; of EyeLike and the random operators. */
const TYPE_ATTRIBUTES = ['to', 'dtype'];

/** The parts of a graph that know element types. */
export interface TypedParts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
}

/**
 * The same network computing in one floating type throughout. `from` are the types to replace: `float16` and `bfloat16`,
 * since the runtime's CPU kernels hardly know them and their gradients would underflow; all of them to compute in float64.
 * Initializers that are still in a file are converted when they are loaded.
 */
export function withFloatType(
  parts: TypedParts,
  from: ReadonlySet<ElementType>,
  to: ElementType,
): TypedParts {
  const replaced = (type: ElementType | null): ElementType | null =>
    type !== null && from.has(type) ? to : type;
  const value = (info: ValueInfo): ValueInfo => ({ ...info, type: replaced(info.type) });
  const tensor = (given: OnnxTensor): OnnxTensor => convertTensor(given, from, to);
  return {
    nodes: parts.nodes.map((node) => convertNode(node, from, to)),
    inputs: parts.inputs.map(value),
    outputs: parts.outputs.map(value),
    initializers: new Map([...parts.initializers].map(([name, given]) => [name, tensor(given)])),
  };
}

function convertNode(node: OnnxNode, from: ReadonlySet<ElementType>, to: ElementType): OnnxNode {
  if (node.attributes.size === 0) return node;
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.kind === 'tensor') {
      attributes.set(name, { kind: 'tensor', value: convertTensor(attribute.value, from, to) });
    } else if (attribute.kind === 'graph') {
      const inner = attribute.value;
      const named = new Map(inner.initializers.map((one) => [one.name, one]));
      const typed = withFloatType({ ...inner, initializers: named }, from, to);
      const initializers = [...typed.initializers.values()];
      attributes.set(name, { kind: 'graph', value: { ...inner, ...typed, initializers } });
    } else if (attribute.kind === 'int' && TYPE_ATTRIBUTES.includes(name)) {
      const type = elementTypeByCode(attribute.value);
      attributes.set(name, type !== undefined && from.has(type) ? int(codeOf(to)) : attribute);
    } else attributes.set(name, attribute);
  }
  return { ...node, attributes };
}

function convertTensor(given: OnnxTensor, from: ReadonlySet<ElementType>, to: ElementType): OnnxTensor {
  if (!from.has(given.type) || !isFloating(given.type)) return given;
  if (given.data.kind === 'file') {
    return { ...given, type: to, data: { ...given.data, stored: given.data.stored ?? given.type } };
  }
  const values = valuesInMemory(given);
  return (values && tensorOf(given.name, to, given.shape, values)) ?? given;
}
