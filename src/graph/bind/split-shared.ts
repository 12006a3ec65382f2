import type { Result } from '../../protocol/result';
import type { OnnxNode } from '../../format/onnx/types';
import { GraphDraft } from '../graph-draft';
import type { ModelGraph, Use } from '../model-graph';

/** One initializer of several that were made one, and the places where it is used. */
export interface Part {
  readonly name: string;
  readonly uses: readonly Use[];
}

/** Gives each part of a shared initializer a name of its own; uses that are in no part keep the shared one. */
export function splitInitializers(
  graph: ModelGraph,
  shared: ReadonlyMap<string, readonly Part[]>,
): Result<ModelGraph> {
  const renamed = new Map<string, string>();
  const draft = new GraphDraft(graph, false);
  for (const [initializer, parts] of shared) {
    const tensor = graph.initializers.get(initializer);
    if (tensor === undefined) continue;
    for (const { name, uses } of parts) {
      draft.initializers.set(name, { ...tensor, name });
      for (const { node, slot } of uses) renamed.set(useKey(node, slot), name);
    }
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name, slot) => renamed.get(useKey(node, slot)) ?? name);
    draft.addNode({ ...node, inputs });
  }
  return draft.finish();
}

/** A key for one input of a node. Every output is made by one node only, so the first tells nodes apart. */
export function useKey(node: OnnxNode, slot: number): string {
  return `${String(slot)} ${node.outputs.find((name) => name !== '') ?? ''}`;
}
