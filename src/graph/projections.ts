import { intOf } from './attributes';
import type { WeightMap } from './bind/weight-map';
import type { ModelGraph } from './model-graph';
import type { OnnxNode } from '../format/onnx/types';

/** Where a matrix of the checkpoint is applied in a graph. */
export interface Projection {
  /** Tensor of the checkpoint. */
  readonly tensor: string;
  /** The axis of that tensor that runs along the features of the input: 1 as PyTorch stores a linear layer, 0 where it is turned. */
  readonly inputAxis: 0 | 1;
  /** What is multiplied with the matrix; its features are the last axis. */
  readonly input: string;
  /** The product, with the bias where one is added right behind it. */
  readonly output: string;
}

/** Every product of a value with a matrix of the checkpoint (MatMul, Gemm), be the matrix turned first, in the order of the graph. */
export function projections(map: WeightMap): readonly Projection[] {
  const { graph } = map;
  const placed = new Map(map.placements.map((placement) => [placement.initializer, placement]));
  const matrixAt = (name: string, isTurned: boolean): PlacedMatrix | undefined => {
    const known = placed.get(name);
    if (known !== undefined)
      return { tensor: known.tensor, inputAxis: known.transposed === isTurned ? 0 : 1 };
    const node = graph.producers.get(name);
    if (node?.op !== 'Transpose' && node?.op !== 'Cast' && node?.op !== 'Identity') return undefined;
    return matrixAt(node.inputs[0] ?? '', (node.op === 'Transpose') !== isTurned);
  };
  const tensorAt = (name: string) => matrixAt(name, false)?.tensor;
  return graph.nodes.flatMap((node) => {
    if (node.op !== 'MatMul' && node.op !== 'Gemm') return [];
    const [input = '', matrix = ''] = node.inputs;
    const isTurned = node.op === 'Gemm' && intOf(node, 'transB', 0) === 1;
    const found = matrixAt(matrix, isTurned);
    if (found === undefined || tensorAt(input) !== undefined) return [];
    return [{ ...found, input, output: withBias(graph, node, tensorAt) }];
  });
}

type PlacedMatrix = Pick<Projection, 'tensor' | 'inputAxis'>;

function withBias(graph: ModelGraph, node: OnnxNode, tensorAt: (name: string) => string | undefined): string {
  const [output = ''] = node.outputs;
  const uses = graph.uses.get(output) ?? [];
  const [only] = uses;
  if (uses.length !== 1 || only?.node.op !== 'Add') return output;
  const bias = only.node.inputs.find((name) => name !== output) ?? '';
  return tensorAt(bias) === undefined ? output : (only.node.outputs[0] ?? output);
}
