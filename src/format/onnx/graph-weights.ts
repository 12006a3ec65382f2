import { isFloating } from './element-types';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from './types';

/** Where a tensor is used: input number `slot` of a node. */
export interface WeightUse {
  readonly node: OnnxNode;
  readonly slot: number;
}

/** A tensor that a graph holds and that may be a weight. */
export interface GraphWeight {
  readonly name: string;
  readonly tensor: OnnxTensor;
  readonly uses: readonly WeightUse[];
}

/** Operators that have weights for inputs; constants of others (masks, sizes, tables of angles) are none. */
const WITH_WEIGHTS = new Set([
  'Add',
  'BatchNormalization',
  'Conv',
  'ConvInteger',
  'ConvTranspose',
  'DequantizeLinear',
  'GRU',
  'Gather',
  'Gemm',
  'GroupNormalization',
  'InstanceNormalization',
  'LSTM',
  'LayerNormalization',
  'MatMul',
  'MatMulInteger',
  'Mul',
  'PRelu',
  'QLinearConv',
  'QLinearMatMul',
  'RMSNormalization',
  'RNN',
]);

/** {@link graphWeights} of a model's graph, and of its functions (whose constants have the function's name before theirs). */
export function modelWeights({ graph, functions }: OnnxModel): readonly GraphWeight[] {
  const within = functions.flatMap(({ name, nodes }) =>
    graphWeights({ name, nodes, initializers: [], inputs: [], outputs: [] }).map((weight) => ({
      ...weight,
      name: `${name}.${weight.name}`,
    })),
  );
  return [...graphWeights(graph), ...within];
}

/**
 * All initializers of a graph and the graphs inside it, and the constants that are used as weights are: floating-point tensors
 * of more than one number at an operator that has weights. The second name of an initializer that is only passed on
 * (`Identity`, for tensors of equal values) is listed, too. Casts, transpositions and, of codes, dequantisation
 * are looked through for uses.
 */
export function graphWeights(graph: OnnxGraph): readonly GraphWeight[] {
  const held: { name: string; tensor: OnnxTensor; constant: boolean }[] = [];
  const uses = new Map<string, WeightUse[]>();
  const passedOn: { from: string; to: string }[] = [];
  for (const each of graphsIn(graph)) {
    for (const tensor of each.initializers) held.push({ name: tensor.name, tensor, constant: false });
    for (const node of each.nodes) {
      noteUses(node, uses);
      const [from, to] = [node.inputs[0], node.outputs[0]];
      const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
      if (value?.kind === 'tensor' && to !== undefined) {
        held.push({ name: to, tensor: value.value, constant: true });
      }
      if (node.op === 'Identity' && from !== undefined && to !== undefined) passedOn.push({ from, to });
    }
  }
  const weights = held.flatMap(({ name, tensor, constant }): GraphWeight[] => {
    const found = usesOf(name, uses);
    return constant && !isWeight(tensor, found) ? [] : [{ name, tensor, uses: found }];
  });
  const byName = new Map(weights.map((weight) => [weight.name, weight]));
  for (const { from, to } of passedOn) {
    const weight = byName.get(from);
    if (weight === undefined || byName.has(to)) continue;
    const alias = { name: to, tensor: weight.tensor, uses: usesOf(to, uses) };
    byName.set(to, alias);
    weights.push(alias);
  }
  return weights;
}

/** A graph and those in the attributes of its nodes, the outermost first. */
export function graphsIn(graph: OnnxGraph): readonly OnnxGraph[] {
  const found: OnnxGraph[] = [graph];
  for (const each of found) {
    for (const node of each.nodes) {
      for (const attribute of node.attributes.values()) {
        if (attribute.kind === 'graph') found.push(attribute.value);
      }
    }
  }
  return found;
}

function noteUses(node: OnnxNode, uses: Map<string, WeightUse[]>): void {
  node.inputs.forEach((name, slot) => {
    if (name === '') return;
    const known = uses.get(name);
    if (known === undefined) uses.set(name, [{ node, slot }]);
    else known.push({ node, slot });
  });
}

const LOOKED_THROUGH = new Set(['Cast', 'Transpose']);
const MOST_STEPS = 4;

function usesOf(name: string, uses: ReadonlyMap<string, readonly WeightUse[]>, steps = 0): WeightUse[] {
  return (uses.get(name) ?? []).flatMap((use) => {
    const [output] = use.node.outputs;
    const through = LOOKED_THROUGH.has(use.node.op) || (use.node.op === 'DequantizeLinear' && use.slot === 0);
    if (!through || output === undefined || steps >= MOST_STEPS) return [use];
    return usesOf(output, uses, steps + 1);
  });
}

function isWeight(tensor: OnnxTensor, uses: readonly WeightUse[]): boolean {
  return tensor.count > 1 && isFloating(tensor.type) && uses.some(({ node }) => WITH_WEIGHTS.has(node.op));
}
