import type { GgufChange } from './gguf-changes';
import type { GgufMerge } from './gguf-merges';

/** Names by what stands before `.weight` or `.bias`, or by the whole name where the ending is not the same on both sides. */
export type GgufNames = Readonly<Record<string, string>>;

/** How an architecture's tensors are called in GGUF files and in Hugging Face checkpoints, and what conversion does to them. */
export interface GgufNaming {
  /** What stands before the number of a layer, by what stands before it in the file: `blk` → `model.layers`. */
  readonly layers: GgufNames;
  /** Outside of layers. */
  readonly outside: GgufNames;
  /** What follows `blk.N.`. With two kinds of layers (T5) behind the part that tells them apart: `enc.attn_q`. */
  readonly inside: GgufNames;
  /** Stacks of matrices that a checkpoint has one by one; `#` is the number of the expert. */
  readonly experts: GgufNames;
  /** What conversion did to the tensors of a module, to be undone in this order. */
  readonly changes: Readonly<Record<string, readonly GgufChange[]>>;
  /** Tensors that conversion took apart. */
  readonly merges: readonly GgufMerge[];
}

/** A name in a GGUF file as its parts. `lora` is the ending of an adapter's factor. */
const NAME = /^(?:((?:[a-z]+\.)?blk)\.(\d+)\.)?([a-z0-9_.]+?)(\.weight|\.bias)?(\.lora_[ab])?$/;

/** What a tensor is called in a Hugging Face checkpoint. */
export interface HubName {
  /** With `#` for the number of the expert, where the tensor is a stack of them. */
  readonly name: string;
  readonly stacked: boolean;
  /** What is to be undone. */
  readonly changes: readonly GgufChange[];
  /** The factor of an adapter that it is. */
  readonly factor: 'a' | 'b' | null;
}

/** The name of a tensor in a Hugging Face checkpoint; `null` where it is not known for sure. */
export function hubName(name: string, naming: GgufNaming): HubName | null {
  const parts = partsOfName(name);
  if (parts === null) return null;
  const { section, layer, module, parameter, lora } = parts;
  const table = section === '' ? naming.outside : naming.inside;
  const before = section === '' ? '' : own(naming.layers, section);
  if (before === null) return null;
  const front = section === '' ? '' : `${before}.${layer}.`;
  const key = section === '' || section === 'blk' ? module : `${section.slice(0, -'blk'.length)}${module}`;
  const factor = lora === '' ? null : lora.endsWith('a') ? 'a' : 'b';
  const expert = factor === null && section !== '' ? own(naming.experts, key) : null;
  const changes = naming.changes[key] ?? [];
  if (expert !== null) {
    return { name: `${front}${expert}${parameter}`, stacked: true, changes, factor };
  }
  const whole = factor === null ? own(table, `${key}${parameter}`) : null;
  if (whole !== null) return { name: front + whole, stacked: false, changes, factor };
  const found = own(table, key);
  if (found === null || parameter === '') return null;
  return { name: `${front}${found}${parameter}${lora}`, stacked: false, changes, factor };
}

/** `blk.3.attn_q.weight.lora_a` as `blk`, `3`, `attn_q`, `.weight`, `.lora_a`; `null` for what is no such name. */
export function partsOfName(name: string): {
  readonly section: string;
  readonly layer: string;
  readonly module: string;
  readonly parameter: string;
  readonly lora: string;
} | null {
  const [all, section = '', layer = '', module = '', parameter = '', lora = ''] = NAME.exec(name) ?? [];
  return all === undefined ? null : { section, layer, module, parameter, lora };
}

function own(names: GgufNames, key: string): string | null {
  return Object.hasOwn(names, key) ? (names[key] ?? null) : null;
}
