import { success, type Result } from '../../protocol/result';
import { Emitter } from '../differentiate/emitter';
import { GraphDraft } from '../graph-draft';
import type { ModelGraph } from '../model-graph';
import { valuesInMemory } from '../onnx/tensor-values';
import type { OnnxNode } from '../../format/onnx/types';
import type { TensorValue } from '../tensor-value';
import { traceGraph, type TracedGraph } from '../trace';
import { keyOf, type LoweringContext } from './lowering';
import { LOWERINGS } from './registry';

/** Loops inside loops are taken apart so deep. */
const DEEPEST = 8;

/**
 * Traces a graph ({@link traceGraph}) with everything written as plain operators that has rules of differentiation only so:
 * recurrences and loops of known length step by step, branches that are decided, attention with its masks. Slower to run than
 * the runtime's own kernels, so for gradients only. Fails as tracing does.
 */
export async function traceLowered(
  graph: ModelGraph,
  feeds: ReadonlyMap<string, TensorValue>,
  outputs: readonly string[],
): Promise<Result<TracedGraph>> {
  let traced = await traceGraph(graph, feeds, outputs);
  for (let depth = 0; traced.ok && depth < DEEPEST; depth++) {
    const lowered = lowerGraph(traced.value);
    if (!lowered.ok) return lowered;
    if (lowered.value === null) break;
    traced = await traceGraph(lowered.value, feeds, outputs);
  }
  return traced;
}

/** The graph with nodes lowered; `null` where there are none that can be. */
function lowerGraph(traced: TracedGraph): Result<ModelGraph | null> {
  const { graph } = traced;
  if (!graph.nodes.some((node) => LOWERINGS.has(keyOf(node)))) return success(null);
  const draft = new GraphDraft(graph, false);
  let changed = false;
  for (const node of graph.nodes) {
    const made = LOWERINGS.get(keyOf(node))?.(contextOf(traced, node, new Emitter(draft)));
    if (made === undefined || typeof made === 'string') {
      draft.addNode(node);
      continue;
    }
    changed = true;
    for (const [slot, output] of node.outputs.entries()) {
      const stands = made[slot];
      if (output !== '' && stands) draft.addNode(identity(node.scope, stands.name, output));
    }
  }
  return changed ? draft.finish() : success(null);
}

function contextOf(traced: TracedGraph, node: OnnxNode, emit: Emitter): LoweringContext {
  const term = (name: string): ReturnType<LoweringContext['input']> => {
    const [shape, type] = [traced.shapes.get(name), traced.types.get(name)];
    return name === '' || shape === undefined || type === undefined ? null : { name, shape, type };
  };
  return {
    node,
    emit,
    input: (slot) => term(node.inputs[slot] ?? ''),
    output: (slot) => term(node.outputs[slot] ?? ''),
    constant: (slot) => {
      const tensor = traced.graph.initializers.get(node.inputs[slot] ?? '');
      const values = tensor && valuesInMemory(tensor);
      return values ? [...values] : null;
    },
  };
}

function identity(scope: string | undefined, from: string, to: string): OnnxNode {
  const node = { name: '', op: 'Identity', domain: '', inputs: [from], outputs: [to], attributes: new Map() };
  return scope === undefined ? node : { ...node, scope };
}
