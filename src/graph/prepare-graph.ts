import { success, type Result } from '../protocol/result';
import { decompose } from './decompose/decompose';
import { makeGraph, type ModelGraph } from './model-graph';
import type { ElementType } from './onnx/element-types';
import type { OnnxModel, OnnxNode } from './onnx/types';
import { separateConstants } from './rewrite/constants';
import { withFloatType } from './rewrite/float-type';
import { inlineFunctions } from './rewrite/inline-functions';
import { upgradeOpset } from './rewrite/upgrade-opset';

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
  const taken = new Set(inlined.value.flatMap((node) => [...node.inputs, ...node.outputs]));
  const upgraded = upgradeOpset(inlined.value, model.opsets.get('') ?? 0, taken, path);
  if (!upgraded.ok) return upgraded;
  const plain = decompose(upgraded.value.nodes.map(withoutDropout));
  const given = [...graph.initializers, ...upgraded.value.constants, ...plain.constants];
  const { nodes, initializers } = separateConstants(plain.nodes, given);
  // Before IR version 4 every initializer had to be listed as an input, too.
  const inputs = graph.inputs.filter(({ name }) => !initializers.has(name));
  const parts = { nodes, inputs, outputs: graph.outputs, initializers };
  const typed =
    precision === 'float64' ? withFloatType(parts, FLOATS, 'float64') : withFloatType(parts, HALF, 'float32');
  const opsets = new Map(model.opsets).set('', upgraded.value.opset);
  const made = makeGraph({ path, irVersion: Math.max(8, model.irVersion), opsets, ...typed });
  return made.ok ? success(made.value) : made;
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
