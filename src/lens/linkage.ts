import type { AxisEntry, Tree } from '../protocol/artifact';

/** A merge of two earlier nodes; leaf i is node i, merge k is node n + k. */
export type Merge = Tree['merges'][number];

/**
 * Agglomerative clustering by average linkage (UPGMA, Sokal and Michener 1958): joins the two clusters with the least
 * mean distance between their members until one is left. `distances` is n × n, symmetric, row-major. Ties go to the
 * earlier pair, so the result is the same every time. n³ steps.
 */
export function averageLinkage(distances: Float64Array, n: number): Merge[] {
  const between = distances.slice();
  const at = (i: number, j: number) => between[i * n + j] as number;
  // Slot i holds the cluster that contains leaf i and none before it.
  const clusters = Array.from({ length: n }, (_, leaf) => ({ node: leaf, size: 1 }));
  const open = clusters.map((_, slot) => slot);
  const merges: Merge[] = [];
  while (open.length > 1) {
    const [i, j] = nearest(open, at);
    const [left, right] = [clusters[i], clusters[j]];
    if (!left || !right) break;
    merges.push({ left: left.node, right: right.node, height: at(i, j) });
    for (const k of open) {
      if (k === i || k === j) continue;
      const mean = (left.size * at(i, k) + right.size * at(j, k)) / (left.size + right.size);
      between[i * n + k] = between[k * n + i] = mean;
    }
    clusters[i] = { node: n + merges.length - 1, size: left.size + right.size };
    open.splice(open.indexOf(j), 1);
  }
  return merges;
}

function nearest(open: readonly number[], at: (i: number, j: number) => number): readonly [number, number] {
  let best: readonly [number, number] = [open[0] ?? 0, open[1] ?? 0];
  for (const [position, i] of open.entries()) {
    for (const j of open.slice(position + 1)) {
      if (at(i, j) < at(...best)) best = [i, j];
    }
  }
  return best;
}

/** Leaves from left to right as the merges draw them. */
export function leafOrder(merges: readonly Merge[], n: number): number[] {
  const order: number[] = [];
  const waiting = [merges.length > 0 ? n + merges.length - 1 : 0];
  for (let node = waiting.pop(); node !== undefined && n > 0; node = waiting.pop()) {
    if (node < n) order.push(node);
    else {
      const merge = merges[node - n];
      if (merge) waiting.push(merge.right, merge.left);
    }
  }
  return order;
}

/** A dendrogram as an artifact. */
export function dendrogram(
  leaves: readonly AxisEntry[],
  merges: readonly Merge[],
  rest: Omit<Tree, 'kind' | 'leaves' | 'merges' | 'order'>,
): Tree {
  return { kind: 'tree', leaves, merges, order: leafOrder(merges, leaves.length), ...rest };
}
