/**
 * Prefixes that wrappers of training frameworks put before tensor names, or leave out, and those by which a model with a
 * head calls the model inside it (`bert.` in a classifier, nothing in the pre-trained model).
 */
export const WRAPPER_PREFIXES: readonly string[] = [
  'module.',
  '_orig_mod.',
  'model.',
  'transformer.',
  'base_model.model.',
  'language_model.',
  'model.language_model.',
  'module.model.',
  '_orig_mod.model.',
  'model.model.',
  '_fsdp_wrapped_module.',
  '_forward_module.',
  'pretrained_model.',
  'base_model.',
  'backbone.',
  'encoder.',
  'net.',
  'bert.',
  'roberta.',
  'distilbert.',
  'electra.',
  'albert.',
  'deberta.',
  'vit.',
  'deit.',
  'beit.',
  'dinov2.',
  'swin.',
  'convnext.',
  'resnet.',
  'gpt_neox.',
  'rwkv.',
  'wav2vec2.',
  'vision_model.',
  'model.diffusion_model.',
];

/** A way to turn the names of one side into those of the base: a prefix taken off, another put on. */
export interface NameChange {
  readonly remove: string;
  readonly add: string;
}

/** Every way worth trying, the plain one first. */
export const NAME_CHANGES: readonly NameChange[] = [
  { remove: '', add: '' },
  ...WRAPPER_PREFIXES.map((prefix) => ({ remove: prefix, add: '' })),
  ...WRAPPER_PREFIXES.map((prefix) => ({ remove: '', add: prefix })),
  // A language model inside one that also sees.
  { remove: 'model.language_model.', add: 'model.' },
  { remove: 'model.', add: 'model.language_model.' },
];

/** The name under which the base would know it; `null` where the change does not apply. */
export function changeName(name: string, change: NameChange): string | null {
  return name.startsWith(change.remove) ? change.add + name.slice(change.remove.length) : null;
}

/**
 * Finds the change of names under which most of them are known; the plain one unless another does better.
 * Time: names × changes.
 */
export function bestNameChange(
  names: readonly string[],
  isKnown: (changed: string, original: string) => boolean,
): NameChange {
  let best: NameChange = { remove: '', add: '' };
  let bestHits = -1;
  for (const change of NAME_CHANGES) {
    let hits = 0;
    for (const name of names) {
      const changed = changeName(name, change);
      if (changed !== null && isKnown(changed, name)) hits++;
    }
    if (hits > bestHits) [best, bestHits] = [change, hits];
    if (hits === names.length) break;
  }
  return best;
}

/** `module.` → nothing, for a message. */
export function nameChangeText({ remove, add }: NameChange): string {
  if (remove && add) return `the task's names begin with "${remove}" and the base's with "${add}"`;
  return remove ? `the task's names begin with "${remove}"` : `the base's names begin with "${add}"`;
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index]);
}
