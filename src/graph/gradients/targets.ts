import type { ModelGraph, Use } from '../model-graph';

/** Inputs of BatchNormalization (ONNX, opset 9 and later) that training counts and does not learn: running mean and variance. */
const RUNNING_STATISTICS: ReadonlySet<number> = new Set([3, 4]);

/**
 * The weights of the graph that gradients are of unless others are asked for: all of `names` but those that serve as running
 * mean or variance of batch normalisations and as nothing else. These are averages over training data, no optimiser moves
 * them, and a derivative by them says nothing about what a task needs.
 */
export function learnedWeights(graph: ModelGraph, names: Iterable<string>): readonly string[] {
  return [...names].filter((name) => {
    const uses = graph.uses.get(name) ?? [];
    return uses.length === 0 || !uses.every(isRunningStatistic);
  });
}

function isRunningStatistic({ node, slot }: Use): boolean {
  return node.op === 'BatchNormalization' && node.domain === '' && RUNNING_STATISTICS.has(slot);
}
