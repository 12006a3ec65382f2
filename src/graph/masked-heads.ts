import { success, type Result } from '../protocol/result';
import type { AttentionSite } from './attention-sites';
import { GraphDraft } from './graph-draft';
import type { ModelGraph } from './model-graph';

/** A graph whose attention heads can be switched off. */
export interface MaskedHeads {
  readonly graph: ModelGraph;
  /** For every site the input that one factor a head is fed to, of the shape [heads, 1, 1] (float32): 1 leaves the head as it is. */
  readonly masks: readonly string[];
}

/**
 * Multiplies what every attention head gives (before the output projection) with a factor that is fed. Sites must give
 * samples × heads × queries × size. Fails as making a graph does.
 */
export function maskHeads(graph: ModelGraph, sites: readonly AttentionSite[]): Result<MaskedHeads> {
  const draft = new GraphDraft(graph);
  const masks = sites.map(({ heads }) => {
    const mask = draft.addInput('~heads', 'float32', [null, 1, 1]);
    const masked = draft.add('Mul', [heads, mask]);
    const at = draft.nodes.length - 1;
    draft.nodes.forEach((node, index) => {
      if (index === at || !node.inputs.includes(heads)) return;
      draft.nodes[index] = { ...node, inputs: node.inputs.map((name) => (name === heads ? masked : name)) };
    });
    return mask;
  });
  const made = draft.finish();
  return made.ok ? success({ graph: made.value, masks }) : made;
}
