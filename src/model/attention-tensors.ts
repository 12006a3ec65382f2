import type { TensorEntry } from '../format/checkpoint';
import { isFloating } from './dense-task';
import { compareModules, compareRows, compareNatural, placeOf } from './naming';
import type { Place } from './place';

/** The weights of one attention, by what they project. */
export interface AttentionTensors {
  /** The name that all of them share: `model.layers.3.self_attn`. */
  readonly container: string;
  readonly place: Place;
  readonly kind: 'self' | 'cross';
  readonly weights: ReadonlyMap<Projection, TensorEntry>;
  /** Query, key and value go through a smaller latent space (DeepSeek's multi-head latent attention). */
  readonly latent: boolean;
}

/** What a tensor of an attention holds. */
export type Projection = 'query' | 'key' | 'value' | 'key-value' | 'qkv' | 'output';

const PROJECTION = /^(?:cross-)?attention\.(query|key|value|key-value|qkv|output)$/;
const ATTENTION_PART = /attn|attention|^mixer$|^sa$|^att$/i;
const NOT_A_WEIGHT =
  /(?:^|\.)(?:bias|[a-z_]*bias|scales?|zeros|qzeros|g_idx|lora_[^.]*)(?:\.|$)|_bias$|_scale(?:_inv)?$/;
const LATENT = /(?:^|\.)(?:q_a_proj|q_b_proj|kv_a_proj_with_mqa|kv_b_proj)(?:\.|$)/;

/** Every attention among the tensors, in network order. Only floating-point matrices count; what has no query is none. */
export function attentionTensors(tensors: readonly TensorEntry[]): AttentionTensors[] {
  const found = new Map<string, { place: Place; weights: Map<Projection, TensorEntry>; latent: boolean }>();
  for (const entry of tensors) {
    if (!isFloating(entry) || entry.span.shape.length < 2 || NOT_A_WEIGHT.test(entry.name)) continue;
    const place = placeOf(entry.name);
    const projection = PROJECTION.exec(place.module)?.[1] as Projection | undefined;
    if (projection === undefined) continue;
    const container = containerOf(entry.name);
    const before = found.get(container) ?? {
      place,
      weights: new Map<Projection, TensorEntry>(),
      latent: false,
    };
    if (LATENT.test(entry.name)) before.latent = true;
    if (!before.weights.has(projection)) before.weights.set(projection, entry);
    found.set(container, before);
  }
  return [...found]
    .filter(([, { weights }]) => weights.has('query') || weights.has('qkv'))
    .map(([container, rest]) => ({
      container,
      ...rest,
      kind: rest.place.module.startsWith('cross-') ? ('cross' as const) : ('self' as const),
    }))
    .sort(
      (a, b) =>
        compareRows(a.place.row, b.place.row) ||
        compareNatural(withoutAttention(a.container), withoutAttention(b.container)) ||
        compareModules(a.place.module, b.place.module) ||
        compareNatural(a.container, b.container),
    );
}

/** The name up to the part that stands for the attention; up to the layer's number where none does. */
function containerOf(name: string): string {
  const parts = name.split('.');
  const at = parts.findIndex(
    (part, index) =>
      ATTENTION_PART.test(part) && !/^\d+$/.test(parts[index + 1] ?? '') && index < parts.length - 1,
  );
  if (at >= 0) return parts.slice(0, at + 1).join('.');
  const number = parts.findIndex((part) => /^\d+$/.test(part));
  return number >= 0 ? parts.slice(0, number + 1).join('.') : parts.slice(0, -2).join('.');
}

/** Of `…transformer_blocks.0.attn1` all but the last part: attentions of one block stay together. */
function withoutAttention(container: string): string {
  return container.slice(0, Math.max(0, container.lastIndexOf('.')));
}
