import type { Tree } from '../protocol/artifact';

/** One merge as drawn: a bracket from `low` to `high` (leaf positions) at `height`, with arms back to where its parts joined. */
export interface Bracket {
  readonly low: number;
  readonly high: number;
  readonly lowHeight: number;
  readonly highHeight: number;
  readonly height: number;
}

/**
 * Brackets of a dendrogram. Leaf positions are indices into `order` (0 is the first leaf drawn), heights are those of the tree;
 * a merge stands midway between its two parts. Merges that name a node that does not exist yet are left out.
 */
export function dendrogramBrackets(tree: Tree): readonly Bracket[] {
  const nodes: { position: number; height: number }[] = tree.leaves.map(() => ({ position: 0, height: 0 }));
  tree.order.forEach((leaf, position) => {
    if (nodes[leaf]) nodes[leaf] = { position, height: 0 };
  });
  const brackets: Bracket[] = [];
  for (const merge of tree.merges) {
    const parts = [nodes[merge.left], nodes[merge.right]].filter((node) => node !== undefined);
    const [low, high] = parts.sort((a, b) => a.position - b.position);
    if (!low || !high) {
      nodes.push({ position: 0, height: merge.height });
      continue;
    }
    brackets.push({
      low: low.position,
      high: high.position,
      lowHeight: low.height,
      highHeight: high.height,
      height: merge.height,
    });
    nodes.push({ position: (low.position + high.position) / 2, height: merge.height });
  }
  return brackets;
}
