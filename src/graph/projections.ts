import type { WeightMap } from './bind/weight-map';
import type { ModelGraph } from './model-graph';
import type { OnnxNode } from './onnx/types';

/** Where a matrix of the checkpoint is applied in a graph. */
export interface Projection {
  /** Tensor of the checkpoint. */
  readonly tensor: string;
  /** What is multiplied with the matrix; its features are the last axis. */
  readonly input: string;
  /** The product, with the bias where one is added right behind it. */
  readonly output: string;
}

/** Every product of a value with a matrix of the checkpoint (MatMul, Gemm), be the matrix turned first, in the order of the graph. */
export function projections(map: WeightMap): readonly Projection[] {
  const { graph } = map;
  const tensors = new Map(map.placements.map(({ initializer, tensor }) => [initializer, tensor]));
  const tensorAt = (name: string): string | undefined => {
    const known = tensors.get(name);
    const node = known === undefined ? graph.producers.get(name) : undefined;
    const turned = node?.op === 'Transpose' || node?.op === 'Cast' || node?.op === 'Identity';
    return turned ? tensorAt(node.inputs[0] ?? '') : known;
  };
  return graph.nodes.flatMap((node) => {
    if (node.op !== 'MatMul' && node.op !== 'Gemm') return [];
    const [input = '', matrix = ''] = node.inputs;
    const tensor = tensorAt(matrix);
    if (tensor === undefined || tensorAt(input) !== undefined) return [];
    return [{ tensor, input, output: withBias(graph, node, tensorAt) }];
  });
}

function withBias(graph: ModelGraph, node: OnnxNode, tensorAt: (name: string) => string | undefined): string {
  const [output = ''] = node.outputs;
  const uses = graph.uses.get(output) ?? [];
  const [only] = uses;
  if (uses.length !== 1 || only?.node.op !== 'Add') return output;
  const bias = only.node.inputs.find((name) => name !== output) ?? '';
  return tensorAt(bias) === undefined ? output : (only.node.outputs[0] ?? output);
}
