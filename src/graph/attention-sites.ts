import { placeOf, OTHER_LAYER } from '../model/naming';
import type { WeightMap } from './bind/weight-map';
import { intOf } from './attributes';
import type { ModelGraph } from './model-graph';
import type { OnnxNode } from '../format/onnx/types';

/** Where a graph attends: names of its values. */
export interface AttentionSite {
  /** Row of a heatmap ({@link Place.row}). */
  readonly layer: string;
  /** `layer 3`; different for every site of a graph. */
  readonly label: string;
  /** Attention probabilities: … × queries × keys. */
  readonly probabilities: string;
  /** Queries and keys as they meet: … × queries × size, … × size × keys. `null` where the scores are no product. */
  readonly queries: string | null;
  readonly keys: string | null;
  /** What the heads give, … × queries × size: the product of probabilities and values. */
  readonly heads: string;
}

/** Nodes between the probabilities and the product with the values: they change no probability where they stand. */
const AFTER = new Set(['Cast', 'Identity', 'Where', 'Dropout']);
/** Nodes between the product of queries and keys and the softmax: scale, mask, bias. */
const BEFORE = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Where',
  'Cast',
  'Identity',
  'Tanh',
  'Max',
  'Clip',
  'Reshape',
]);

/**
 * The attention of a graph: every Softmax over the last axis whose output is multiplied with a matrix that depends on a weight
 * (the values), in the order in which they run. The layer is that of the weights that come last before it.
 */
export function attentionSites(map: WeightMap): readonly AttentionSite[] {
  const tensors = new Map(map.placements.map(({ initializer, tensor }) => [initializer, tensor]));
  const found = map.graph.nodes.flatMap((node) => {
    const [output = ''] = node.outputs;
    if (node.op !== 'Softmax' || !isOverLast(node)) return [];
    const product = productAfter(map.graph, output);
    if (product === null) return [];
    const [probabilities = '', values = ''] = product.inputs;
    const tensor = lastTensor(map.graph, values, tensors) ?? lastTensor(map.graph, output, tensors);
    if (tensor === null) return [];
    const { layer, row, layerLabel } = placeOf(tensor);
    const scores = productBefore(map.graph, node.inputs[0] ?? '');
    return [
      {
        layer: layer === OTHER_LAYER ? row : layer,
        label: layerLabel,
        probabilities,
        queries: scores?.inputs[0] ?? null,
        keys: scores?.inputs[1] ?? null,
        heads: product.outputs[0] ?? '',
      },
    ];
  });
  return distinctLabels(found);
}

function isOverLast(node: OnnxNode): boolean {
  const axis = intOf(node, 'axis', -1);
  return axis === -1 || axis === 3 || axis === 2;
}

/** The matrix product whose left side the probabilities are. */
function productAfter(graph: ModelGraph, value: string): OnnxNode | null {
  for (const { node, slot } of graph.uses.get(value) ?? []) {
    if (node.op === 'MatMul' && slot === 0) return node;
    if (AFTER.has(node.op)) {
      const found = productAfter(graph, node.outputs[0] ?? '');
      if (found) return found;
    }
  }
  return null;
}

/** The nearest matrix product behind scale and mask. */
function productBefore(graph: ModelGraph, value: string): OnnxNode | null {
  const open = [value];
  const seen = new Set(open);
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    const node = graph.producers.get(name);
    if (node === undefined) continue;
    if (node.op === 'MatMul') return node;
    if (!BEFORE.has(node.op)) continue;
    for (const input of node.inputs) {
      if (seen.has(input)) continue;
      seen.add(input);
      open.push(input);
    }
  }
  return null;
}

/** The checkpoint's tensor that is met first on the way back from a value. */
function lastTensor(graph: ModelGraph, value: string, tensors: ReadonlyMap<string, string>): string | null {
  const open = [value];
  const seen = new Set(open);
  for (let name = open.shift(); name !== undefined; name = open.shift()) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) return tensor;
    for (const input of graph.producers.get(name)?.inputs ?? []) {
      if (seen.has(input)) continue;
      seen.add(input);
      open.push(input);
    }
  }
  return null;
}

function distinctLabels(sites: readonly AttentionSite[]): readonly AttentionSite[] {
  const uses = new Map<string, number>();
  return sites.map((site) => {
    const count = (uses.get(site.label) ?? 0) + 1;
    uses.set(site.label, count);
    return count === 1 ? site : { ...site, label: `${site.label} (attention ${String(count)})` };
  });
}
