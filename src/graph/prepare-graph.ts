import { success, type Result } from '../protocol/result';
import { decompose } from './decompose/decompose';
import { makeGraph, type ModelGraph } from './model-graph';
import type { ElementType } from '../format/onnx/element-types';
import type { OnnxModel, OnnxNode } from '../format/onnx/types';
import { separateConstants } from './rewrite/constants';
import { withFloatType } from './rewrite/float-type';
import { inlineFunctions } from './rewrite/inline-functions';
import { upgradeOpset, type Upgraded } from './rewrite/upgrade-opset';

const HALF: ReadonlySet<ElementType> = new Set<ElementType>(['float16', 'bfloat16']);
const FLOATS: ReadonlySet<ElementType> = new Set<ElementType>(['float16', 'bfloat16', 'float32', 'float64']);

/**
 * The graph of a model as all rewriting wants it: no functions, fused operators written as plain ones, operator set 18 or newer, constants among the
 * initializers, dropout left out (a network is looked at as it infers), half precision computed in float32, or with
 * `float64` everything in that (for the operators whose kernels the runtime has). Fails with `graph-opset`,
 * `graph-function`, `graph-duplicate`, `graph-dangling`, `graph-cycle` or `graph-too-large`.
 */
export function prepareGraph(
  model: OnnxModel,
  precision: 'float32' | 'float64' = 'float32',
): Result<ModelGraph> {
  const { path, graph } = model;
  const inlined = inlineFunctions(model);
  if (!inlined.ok) return inlined;
  const taken = new Set(inlined.value.flatMap(namesIn));
  const ranks = new Map(graph.inputs.flatMap(({ name, shape }) => (shape ? [[name, shape.length]] : [])));
  const plain = plainNodes(inlined.value, model.opsets.get('') ?? 0, { taken, ranks, path });
  if (!plain.ok) return plain;
  const { opset } = plain.value;
  const { nodes, initializers } = separateConstants(plain.value.nodes, [
    ...graph.initializers,
    ...plain.value.constants,
  ]);
  // Before IR version 4 every initializer had to be listed as an input, too.
  const inputs = graph.inputs.filter(({ name }) => !initializers.has(name));
  const parts = { nodes, inputs, outputs: graph.outputs, initializers };
  const typed =
    precision === 'float64' ? withFloatType(parts, FLOATS, 'float64') : withFloatType(parts, HALF, 'float32');
  const opsets = new Map(model.opsets).set('', opset);
  const made = makeGraph({ path, irVersion: Math.max(8, model.irVersion), opsets, ...typed });
  return made.ok ? success(made.value) : made;
}

interface Surroundings {
  /** Names of all values, to which new ones are added. */
  readonly taken: Set<string>;
  /** Ranks that inputs of the graph declare. */
  readonly ranks: ReadonlyMap<string, number>;
  readonly path: string;
}

/** Nodes of the target set without fused ones and dropout, those of graphs inside nodes as well. */
function plainNodes(nodes: readonly OnnxNode[], opset: number, around: Surroundings): Result<Upgraded> {
  const { taken, ranks, path } = around;
  const upgraded = upgradeOpset(nodes, opset, taken, path);
  if (!upgraded.ok) return upgraded;
  for (const name of [
    ...upgraded.value.nodes.flatMap(namesIn),
    ...upgraded.value.constants.map(({ name }) => name),
  ])
    taken.add(name);
  const plain = decompose(upgraded.value.nodes.map(withoutDropout), ranks);
  const done: OnnxNode[] = [];
  for (const node of plain.nodes) {
    const attributes = new Map(node.attributes);
    for (const [key, attribute] of node.attributes) {
      if (attribute.kind !== 'graph') continue;
      const inner = plainNodes(attribute.value.nodes, opset, around);
      if (!inner.ok) return inner;
      const initializers = [...attribute.value.initializers, ...inner.value.constants];
      attributes.set(key, {
        kind: 'graph',
        value: { ...attribute.value, nodes: inner.value.nodes, initializers },
      });
    }
    done.push(attributes.size === 0 ? node : { ...node, attributes });
  }
  const constants = [...upgraded.value.constants, ...plain.constants];
  return success({ opset: upgraded.value.opset, nodes: done, constants });
}

/** Names of values that a node takes and gives, and of those in graphs inside it. */
function namesIn(node: OnnxNode): readonly string[] {
  const inner = [...node.attributes.values()].flatMap((attribute) =>
    attribute.kind === 'graph'
      ? [...attribute.value.nodes.flatMap(namesIn), ...attribute.value.initializers.map(({ name }) => name)]
      : [],
  );
  return [...node.inputs, ...node.outputs, ...inner];
}

function withoutDropout(node: OnnxNode): OnnxNode {
  if (node.domain !== '' || node.op !== 'Dropout' || (node.outputs[1] ?? '') !== '') return node;
  const { outputs, inputs } = node;
  return {
    ...node,
    op: 'Identity',
    inputs: inputs.slice(0, 1),
    outputs: outputs.slice(0, 1),
    attributes: new Map(),
  };
}
