import type { TensorEntry } from '../../format/checkpoint';
import { bottleneck } from './bottleneck';
import { controlVector } from './control-vector';
import { prompts } from './prompts';
import type { AdapterSettings } from './rules';
import { textualInversion } from './textual-inversion';
import { xlora } from './xlora';

/** A whole adapter that changes no weight of the base, so that it has no ΔW. */
export interface WholeAdapter {
  /** `prompt tuning`, `control vector`, ... */
  readonly title: string;
  /** Why there is no ΔW: a sentence. */
  readonly reason: string;
}

/** One kind of adapter without ΔW. One file each. */
export interface WholeKind {
  readonly id: string;
  /** Paper or library in which it is defined. */
  readonly source: string;
  recognise(tensors: readonly TensorEntry[], settings: AdapterSettings): WholeAdapter | null;
}

/** Every kind without ΔW, in the order in which they are asked. */
export const WHOLE_KINDS: readonly WholeKind[] = [
  prompts,
  bottleneck,
  textualInversion,
  controlVector,
  xlora,
];

/** The kind without ΔW that the tensors are of; `null` where they are of none. */
export function recogniseWhole(
  tensors: readonly TensorEntry[],
  settings: AdapterSettings,
): WholeAdapter | null {
  for (const kind of WHOLE_KINDS) {
    const found = kind.recognise(tensors, settings);
    if (found) return found;
  }
  return null;
}
