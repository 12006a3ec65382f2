import { quoted } from '../../format/problems';
import type { Checkpoint, TensorEntry } from '../../format/checkpoint';
import type { Finding } from '../../protocol/finding';
import type { ModelGraph } from '../model-graph';
import type { Digest } from './digest';
import type { Part } from './split-shared';
import type { Placement } from './weight-map';

/** What is gathered while weights are placed. */
export interface Matching {
  readonly graph: ModelGraph;
  readonly checkpoint: Checkpoint;
  readonly placements: Placement[];
  readonly findings: Finding[];
  readonly openTensors: Map<string, TensorEntry>;
  readonly openInitializers: Set<string>;
  /** Initializers to be split, with the parts. */
  readonly shared: Map<string, Part[]>;
}

/** Of all floating-point initializers and tensors, by name. */
export interface Digests {
  readonly initializers: ReadonlyMap<string, Digest>;
  readonly tensors: ReadonlyMap<string, Digest>;
}

/** Notes a placement; neither side is open any more. */
export function place(matching: Matching, placement: Placement): void {
  matching.placements.push(placement);
  matching.openTensors.delete(placement.tensor);
  matching.openInitializers.delete(placement.initializer);
}

/** Open tensors by the digest that an initializer has which is one of them, turned or not. */
export function tensorsByValues(
  matching: Matching,
  digests: Digests,
): ReadonlyMap<string, readonly { readonly tensor: string; readonly transposed: boolean }[]> {
  const found = new Map<string, { tensor: string; transposed: boolean }[]>();
  for (const tensor of matching.openTensors.keys()) {
    const digest = digests.tensors.get(tensor);
    if (digest === undefined) continue;
    push(found, digest.plain, { tensor, transposed: false });
    if (digest.transposed !== null && digest.transposed !== digest.plain) {
      push(found, digest.transposed, { tensor, transposed: true });
    }
  }
  return found;
}

/** Adds a value to the list of a key. */
export function push<K, V>(into: Map<K, V[]>, key: K, value: V): void {
  const known = into.get(key);
  if (known === undefined) into.set(key, [value]);
  else known.push(value);
}

const SHOWN = 12;

/** Names for a message, the first twelve of them. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map(quoted).join(', ');
  return names.length > SHOWN ? `${shown} and ${String(names.length - SHOWN)} more` : shown;
}
