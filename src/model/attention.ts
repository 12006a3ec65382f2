import type { Checkpoint } from '../format/checkpoint';
import type { ParameterDeclaration } from '../protocol/lens';
import { success, type Result } from '../protocol/result';
import type { Architecture } from './architecture';
import { attentionTensors, type AttentionTensors } from './attention-tensors';
import { refuse } from './finding-codes';
import type { HeadPart } from './head-part';
import { HeadSplitter } from './split-heads';

/** One attention of a network, head by head. */
export interface AttentionBlock {
  /** Row of a heatmap ({@link Place.row}). */
  readonly layer: string;
  /** `layer 3`, `decoder 3 cross-attention`; different for every block of a checkpoint. */
  readonly label: string;
  /** Tensor names of the block begin with it. */
  readonly container: string;
  readonly kind: 'self' | 'cross';
  readonly heads: number;
  /** A divisor of `heads`. */
  readonly keyValueHeads: number;
  /** Columns of one head's query and key. */
  readonly headSize: number;
  readonly query: HeadPart;
  readonly key: HeadPart;
  readonly value: HeadPart;
  /** `null` where the checkpoint has none. */
  readonly output: HeadPart | null;
}

/** All attention of a checkpoint that can be split into heads. */
export interface AttentionLayout {
  /** In network order, never empty. */
  readonly blocks: readonly AttentionBlock[];
  readonly skipped: readonly { readonly label: string; readonly reason: string }[];
  /** Where the number of heads comes from, for a caption: `config.json`, `the parameter "heads"`. */
  readonly source: string;
}

/** Number of heads as a user gave it; 0: from config.json. */
export interface HeadSplit {
  readonly heads: number;
  readonly keyValueHeads: number;
}

/** The parameters of every lens that works head by head. */
export const HEAD_PARAMETERS: readonly ParameterDeclaration[] = [
  {
    name: 'heads',
    title: 'Attention heads',
    help: 'Number of heads of each attention; 0 takes it from the config.json beside the weights.',
    type: 'number',
    default: 0,
    minimum: 0,
    integer: true,
  },
  {
    name: 'key_value_heads',
    title: 'Key/value heads',
    help: 'Number of heads of key and value where queries share them; 0 takes it from the shapes.',
    type: 'number',
    default: 0,
    minimum: 0,
    integer: true,
  },
];

/** The key/value head that a query head uses. */
export function keyValueHeadOf({ heads, keyValueHeads }: AttentionBlock, head: number): number {
  return Math.floor(head / (heads / keyValueHeads));
}

/**
 * Finds every attention of a checkpoint and splits it into heads: by the parameters where they are set, else by the
 * configuration; nothing is guessed. With the number of heads known, their size and the number of key/value heads
 * follow from the shapes. Attention that cannot be split is `skipped`. Fails with `attention-missing`, and with
 * `head-split-unknown` where none can be split.
 */
export function attentionLayout(
  checkpoint: Checkpoint,
  architecture: Architecture | null,
  split: HeadSplit,
): Result<AttentionLayout> {
  const found = attentionTensors(checkpoint.tensors);
  if (found.length === 0) {
    const message = `${checkpoint.path}: no tensor is named as the query, key or value of an attention.`;
    return refuse('attention-missing', checkpoint.path, message);
  }
  const labels = labelsOf(found);
  const blocks: AttentionBlock[] = [];
  const skipped: { label: string; reason: string }[] = [];
  found.forEach((tensors, index) => {
    const label = labels[index] ?? tensors.container;
    const block = new HeadSplitter(tensors, label, architecture, split).block();
    if (typeof block === 'string') skipped.push({ label, reason: block });
    else blocks.push(block);
  });
  const [first] = skipped;
  if (blocks.length === 0 && first) {
    const message = `${checkpoint.path}: ${first.label}: ${first.reason}`;
    return refuse('head-split-unknown', checkpoint.path, message, found[0]?.container);
  }
  const source = split.heads > 0 ? 'the parameter "heads"' : 'config.json';
  return success({ blocks, skipped, source });
}

function labelsOf(found: readonly AttentionTensors[]): string[] {
  const plain = found.map(
    ({ place, kind }) => place.layerLabel + (kind === 'cross' ? ' cross-attention' : ''),
  );
  const uses = new Map<string, number>();
  for (const label of plain) uses.set(label, (uses.get(label) ?? 0) + 1);
  return plain.map((label, index) => (uses.get(label) === 1 ? label : (found[index]?.container ?? label)));
}
