import type { TensorEntry } from '../format/checkpoint';
import type { Architecture } from './architecture';
import type { AttentionBlock } from './attention';
import { placeOf } from './naming';

/** The gain of a norm; its factor for an input is `offset` + the entry. */
export interface NormGain {
  readonly entry: TensorEntry;
  readonly offset: 0 | 1;
}

/** Norms that stand behind their attention although they are named like those before it. */
const BEHIND = /(?:^|\.)(?:attention\.output\.layer_?norm|sa_layer_norm)\./i;
/** Networks in which every norm stands behind its part. */
const POST_NORM = new Set([
  'bart',
  'marian',
  'blenderbot-small',
  'bert',
  'roberta',
  'xlm-roberta',
  'distilbert',
]);
/** Networks that store the gain minus 1. */
const MINUS_ONE = /^(?:gemma|recurrent_gemma|paligemma|t5gemma|nemotron|qwen3_next)/;
const GAIN = /(?:^|\.)(?:weight|gamma|scale|g)$/;

/**
 * The gain of the norm whose output an attention reads, found by name and place; `null` for cross-attention, where norms
 * stand behind their part, and where there is none or several could be meant.
 */
export function attentionGain(
  { kind, layer, container, query }: AttentionBlock,
  tensors: readonly TensorEntry[],
  architecture: Architecture | null,
): NormGain | null {
  if (kind === 'cross' || POST_NORM.has(architecture?.modelType ?? '')) return null;
  const hidden = query.stored === 'out-in' ? query.entry.span.shape[1] : query.entry.span.shape[0];
  const near = tensors.filter(({ name, span }) => {
    if (!GAIN.test(name) || BEHIND.test(name) || span.count !== hidden) return false;
    const place = placeOf(name);
    return place.module === 'norm.attention' && place.row === layer;
  });
  const parent = container.slice(0, Math.max(0, container.lastIndexOf('.') + 1));
  const own = near.length > 1 ? near.filter(({ name }) => name.startsWith(parent)) : near;
  const [entry] = own;
  if (!entry || own.length > 1) return null;
  return { entry, offset: MINUS_ONE.test(architecture?.modelType ?? '') ? 1 : 0 };
}
