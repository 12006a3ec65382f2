import type { OnnxNode } from '../../format/onnx/types';
import type { ModelGraph, Use } from '../model-graph';

/** The tensor that is known to be used at an input of a node. */
export type TensorAt = (node: OnnxNode, slot: number) => string | undefined;

/** Uses of one tensor, and by what they are told from those of its equals. */
export interface Told {
  readonly uses: Use[];
  readonly by: 'module' | 'order';
}

/**
 * Tells which of several equal tensors is used at which place of the graph: by the module that the exporter noted
 * at the node (its name, or the namespace in its metadata), else by the weights beside it that are placed already
 * (`X.bias` is added to what `X.weight` gives). With `byOrder`, what is left is told by the order of the layers where as
 * many uses as tensors are left and the names differ in numbers only. What cannot be told is missing from the answer.
 */
export function tellApart(
  graph: ModelGraph,
  uses: readonly Use[],
  tensors: readonly string[],
  tensorAt: TensorAt,
  byOrder: boolean,
): ReadonlyMap<string, Told> {
  const found = new Map<string, Told>();
  const openUses = new Set(uses);
  const openTensors = new Set(tensors);
  const assign = (use: Use, tensor: string, by: Told['by']): void => {
    const known = found.get(tensor);
    if (known === undefined) found.set(tensor, { uses: [use], by });
    else known.uses.push(use);
    openUses.delete(use);
    openTensors.delete(tensor);
  };
  for (const use of uses) {
    const known = tensorAt(use.node, use.slot);
    const noted = longest(tensors.filter((tensor) => isIn(use, moduleOf(tensor))));
    const beside = noted === null ? moduleBeside(graph, use, tensorAt) : null;
    const tensor =
      known ?? noted ?? only(tensors.filter((one) => beside !== null && moduleOf(one) === beside));
    if (tensor !== null) assign(use, tensor, 'module');
  }
  const templates = new Set([...openTensors].map((name) => name.replace(/\d+/g, '#')));
  if (byOrder && openUses.size === openTensors.size && templates.size === 1) {
    const inOrder = [...openTensors].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    for (const [i, use] of [...openUses].entries()) {
      const tensor = inOrder[i];
      if (tensor !== undefined) assign(use, tensor, 'order');
    }
  }
  return found;
}

function only(names: readonly string[]): string | null {
  const [first] = names;
  return names.length === 1 && first !== undefined ? first : null;
}

/** The tensor of the innermost module; `null` where two are of the same one. */
function longest(names: readonly string[]): string | null {
  const depth = Math.max(...names.map((name) => moduleOf(name).length));
  return only(names.filter((name) => moduleOf(name).length === depth));
}

/** The name of a tensor without its last part. */
function moduleOf(tensor: string): string {
  return tensor.slice(0, Math.max(0, tensor.lastIndexOf('.')));
}

/** `/encoder/layer.0/norm/Add` and `…/encoder.layer.0.norm: LayerNorm/…` both say module `encoder.layer.0.norm`. */
function isIn(use: Use, module: string): boolean {
  if (module === '') return false;
  const name = `.${use.node.name.replace(/[/]/g, '.')}.`;
  if (name.includes(`.${module}.`)) return true;
  const scopes = (use.node.scope ?? '').split('/').map((part) => part.split(':')[0]?.trim());
  return scopes.includes(module);
}

/** Nodes between a weight and the addition of its bias. */
const BETWEEN = new Set(['MatMul', 'Gemm', 'Transpose', 'Reshape']);

/** The module of a weight that is placed already and meets this one at its node or, for an addition, just before. */
function moduleBeside(graph: ModelGraph, use: Use, tensorAt: TensorAt): string | null {
  let nodes: readonly OnnxNode[] = [use.node];
  for (let depth = 0; depth < 3; depth++) {
    const modules = new Set(nodes.flatMap((node) => modulesAt(node, use, tensorAt)));
    const [module] = modules;
    if (modules.size === 1 && module !== undefined) return module;
    if (use.node.op !== 'Add') return null;
    nodes = nodes
      .flatMap((node) => node.inputs.flatMap((name) => graph.producers.get(name) ?? []))
      .filter(({ op }) => BETWEEN.has(op));
  }
  return null;
}

function modulesAt(node: OnnxNode, use: Use, tensorAt: TensorAt): readonly string[] {
  return node.inputs.flatMap((_, slot) => {
    if (node === use.node && slot === use.slot) return [];
    const tensor = tensorAt(node, slot);
    return tensor === undefined ? [] : [moduleOf(tensor)];
  });
}
