import type { TensorSpan } from '../tensor/span';
import { undone, type GgufChange } from './gguf-changes';
import type { HeadCounts } from './gguf-heads';
import { withGates } from './gguf-linear-heads';
import { inGroups, joined, MOST_GROUPS, partOf, turned, viewOf } from './gguf-spans';

/**
 * How tensors that conversion took apart stood together:
 *
 * - `rows`: rows of the first, then of the second, …; of stacks [experts, rows, columns] so for every expert.
 * - `groups`: rows of the first group of heads of every part, then of the second, …
 * - `columns`: [experts, columns, rows of gate, then of up].
 * - `columns in turn`: [experts, columns, rows of gate and up in turn]; of biases [experts, rows in turn].
 * - `key heads`: queries, keys, values and gates of every head of keys (Qwen3-Next's `in_proj_qkvz`).
 * - `latent heads`: for every head its keys, which stand transposed, then its values (DeepSeek's `kv_b_proj`).
 */
export type GgufMergeForm = 'rows' | 'groups' | 'columns' | 'columns in turn' | 'key heads' | 'latent heads';

/** Tensors of a layer that one tensor of the checkpoint was. */
export interface GgufMerge {
  /** Behind `model.layers.N.`. */
  readonly name: string;
  /** Behind `blk.N.`, in their order, with what is to be undone in each before. */
  readonly parts: readonly (readonly [name: string, ...changes: readonly GgufChange[]])[];
  readonly form: GgufMergeForm;
}

/** The tensor that the parts were; `null` where they do not fit together. */
export function merged(
  { parts, form }: GgufMerge,
  spans: readonly TensorSpan[],
  heads: HeadCounts,
): TensorSpan | 'heads unknown' | null {
  const ready: TensorSpan[] = [];
  for (const [index, span] of spans.entries()) {
    let next = span;
    for (const change of (parts[index] ?? []).slice(1) as GgufChange[]) {
      const before = undone(next, change, heads);
      if (before === null || before === 'heads unknown') return before;
      next = before;
    }
    ready.push(next);
  }
  switch (form) {
    case 'rows':
      return rows(ready);
    case 'groups':
      return heads.keys === null ? 'heads unknown' : inGroups(ready, heads.keys, stackedShape(ready));
    case 'columns':
    case 'columns in turn':
      return columns(ready, form === 'columns in turn');
    case 'key heads':
      return withGates(ready, heads.linear);
    case 'latent heads':
      return latentHeads(ready);
  }
}

/** Rows of all of them, of what is a matrix or a vector. */
function stackedShape(spans: readonly TensorSpan[]): readonly number[] {
  const rest = spans[0]?.shape.slice(1) ?? [];
  return [spans.reduce((sum, { shape: [own = 1] }) => sum + own, 0), ...rest];
}

function rows(spans: readonly TensorSpan[]): TensorSpan | null {
  const [first] = spans;
  if (first === undefined) return null;
  if (first.shape.length < 3) return inGroups(spans, 1, stackedShape(spans));
  const [experts = 1, , width = 1] = first.shape;
  const all = spans.reduce((sum, { shape }) => sum + (shape[1] ?? 1), 0);
  return inGroups(spans, experts, [experts, all, width]);
}

/** Expert by expert, so that no more than one is held to be turned around. */
function columns(spans: readonly TensorSpan[], inTurn: boolean): TensorSpan | null {
  const [first] = spans;
  if (first === undefined || spans.some(({ shape }) => shape.join() !== first.shape.join())) return null;
  const [experts = 1, length = 1, width = 1] = first.shape;
  if (experts > MOST_GROUPS) return null;
  const parts = spans.length;
  if (first.shape.length === 2) {
    const both = inGroups(spans, experts, [experts, parts * length]);
    if (!inTurn || both === null) return both;
    return viewOf(both, [experts, length, parts], [parts * length, 1, length], [experts, parts * length]);
  }
  const matrices: TensorSpan[] = [];
  for (let expert = 0; expert < experts; expert++) {
    const own = spans
      .map((span) => partOf(span, expert, experts, [length, width]))
      .filter((each) => each !== null);
    const both = own.length < parts ? null : joined(own, [parts * length, width]);
    if (both === null) return null;
    matrices.push(
      inTurn
        ? viewOf(both, [width, length, parts], [1, width, length * width], [width, parts * length])
        : turned(both),
    );
  }
  return joined(matrices, [experts, width, parts * length]);
}

function latentHeads([keys, values]: readonly TensorSpan[]): TensorSpan | null {
  const [heads = 0, latent = 0, keyRows = 0] = keys?.shape ?? [];
  const [, valueRows = 0] = values?.shape ?? [];
  if (keys === undefined || values === undefined || heads > MOST_GROUPS) return null;
  if (values.shape.join() !== [heads, valueRows, latent].join()) return null;
  const parts: TensorSpan[] = [];
  for (let head = 0; head < heads; head++) {
    const own = partOf(keys, head, heads, [latent, keyRows]);
    const value = partOf(values, head, heads, [valueRows, latent]);
    if (own === null || value === null) return null;
    parts.push(turned(own), value);
  }
  return joined(parts, [heads * (keyRows + valueRows), latent]);
}
