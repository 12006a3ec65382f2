import type { Result } from '../../protocol/result';
import { ints } from '../attributes';
import { GraphDraft } from '../graph-draft';
import type { ModelGraph } from '../model-graph';
import type { Digests, Matching } from './matching';

/** An initializer that repeats another one. */
export interface Repeat {
  readonly initializer: string;
  /** The one that is kept. */
  readonly of: string;
  readonly transposed: boolean;
}

/**
 * Initializers that hold a tensor which is placed already: a weight that two layers share (an embedding and the head tied
 * to it), of which the exporter wrote the second use out, mostly transposed. Only matrices with more than one value count;
 * a vector of zeros may be anything.
 */
export function repeatsOf(matching: Matching, digests: Digests): readonly Repeat[] {
  const kept = new Map<string, { of: string; transposed: boolean }>();
  for (const { initializer } of matching.placements) {
    const digest = digests.initializers.get(initializer);
    if (digest === undefined || digest.transposed === null || !digest.varied) continue;
    kept.set(digest.transposed, { of: initializer, transposed: true });
    kept.set(digest.plain, { of: initializer, transposed: false });
  }
  return [...matching.openInitializers].flatMap((initializer) => {
    const found = kept.get(digests.initializers.get(initializer)?.plain ?? '');
    return found === undefined ? [] : [{ initializer, ...found }];
  });
}

/** Makes every repeated initializer from the one that is kept, so that gradients of all uses come together there. */
export function tie(graph: ModelGraph, repeats: readonly Repeat[]): Result<ModelGraph> {
  const draft = new GraphDraft(graph, false);
  for (const { initializer, of, transposed } of repeats) {
    draft.initializers.delete(initializer);
    draft.addNode({
      name: '',
      op: transposed ? 'Transpose' : 'Identity',
      domain: '',
      inputs: [of],
      outputs: [initializer],
      attributes: new Map(transposed ? [['perm', ints([1, 0])]] : []),
    });
  }
  for (const node of graph.nodes) draft.addNode(node);
  return draft.finish();
}
