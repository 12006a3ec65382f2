import type { OnnxNode, OnnxTensor } from '../../format/onnx/types';
import { FUSED_ACTIVATIONS } from './fused-activations';
import { FUSED_ATTENTION } from './fused-attention';
import { Pieces, type Decomposition } from './pieces';

const DECOMPOSITIONS: ReadonlyMap<string, Decomposition> = new Map(
  Object.entries({ ...FUSED_ACTIVATIONS, ...FUSED_ATTENTION }),
);

/** Every fused operator that is written as plain ones. */
export const DECOMPOSED: readonly string[] = [...DECOMPOSITIONS.keys()];

/**
 * Writes fused nodes as plain ones, which have rules of differentiation. A node with options that are not covered stays:
 * it runs, and is lowered where gradients are wanted. `ranks` are those that inputs of the graph declare.
 */
export function decompose(
  nodes: readonly OnnxNode[],
  ranks: ReadonlyMap<string, number> = new Map(),
): {
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
} {
  const constants: OnnxTensor[] = [];
  const plain = nodes.flatMap((node) => {
    const rule = DECOMPOSITIONS.get(node.domain === '' ? node.op : `${node.domain}.${node.op}`);
    const pieces = new Pieces(node, ranks);
    if (rule === undefined || !rule(node, pieces)) return [node];
    constants.push(...pieces.constants);
    return pieces.nodes;
  });
  return { nodes: plain, constants };
}
