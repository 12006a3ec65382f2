import type { TensorEntry } from '../format/checkpoint';
import { rawPrompt } from './adapters/raw-prompt';

/** A soft prompt in a checkpoint: vectors that stand before the input of a network or of a layer. */
export interface SoftPrompt {
  /** Within its checkpoint; empty where it is the only one. */
  readonly label: string;
  /** `input`: stands where token embeddings do. `layer`: inside a layer. `keys`: before keys or values of attention. */
  readonly role: 'input' | 'layer' | 'keys';
  readonly tokens: number;
  readonly width: number;
  /** What it is made of, in the order in which {@link form} wants them. */
  readonly parts: readonly TensorEntry[];
  /** tokens × width, row-major, of the values of the parts. */
  form(values: readonly Float64Array[]): Float64Array;
  /** A factor that is stored beside it and multiplies what attention to it gives (LLaMA-Adapter: tanh of it). */
  readonly gate: TensorEntry | null;
  /** The vector by which it is selected out of a pool (L2P), as a row of a tensor. */
  readonly key: { readonly entry: TensorEntry; readonly row: number } | null;
}

/** Fields of an `adapter_config.json`, as {@link AdapterDescription} has them. */
type Fields = ReadonlyMap<string, unknown>;

/**
 * The soft prompts of a checkpoint, by names and shapes: `prompt_embeddings` of PEFT with prefixes taken apart into layers, the
 * tasks of multitask prompt tuning, LLaMA-Adapter, visual prompts, CoOp's contexts, L2P's pools, and a lone matrix of vectors.
 */
export function softPrompts(tensors: readonly TensorEntry[], fields: Fields): readonly SoftPrompt[] {
  const byEnding = (ending: RegExp) => tensors.filter(({ name }) => ending.test(name));
  const [embedding] = byEnding(/(?:^|\.)prompt_embeddings?(?:\.weight)?$/);
  const found = [
    ...(embedding ? peftPrompts(embedding, tensors, fields) : []),
    ...byEnding(/\.adaption_prompt$/).map((entry) => adaptionPrompt(entry, tensors)),
    ...byEnding(/(?:^|\.)(?:soft_prompt(?:\.weight)?|prompt_learner\.ctx|memory_tokens?)$/).flatMap((entry) =>
      rowsOf(entry, 'input', labelOf(entry)),
    ),
    ...byEnding(/(?:^|\.)deep_prompt_embeddings$/).flatMap((entry) => rowsOf(entry, 'layer', 'layer')),
    ...byEnding(/(?:^|\.)(?:[eg]_)?prompt\.prompt$/).flatMap((entry) => pool(entry, tensors)),
  ].filter(({ tokens, width }) => tokens > 0 && width > 0);
  if (found.length > 0) return withoutNeedlessLabels(found);
  const raw = rawPrompt(tensors);
  return raw ? rowsOf(raw, 'input', '').map((prompt) => ({ ...prompt, label: '' })) : [];
}

function withoutNeedlessLabels(found: readonly SoftPrompt[]): readonly SoftPrompt[] {
  return found.length === 1 ? found.map((prompt) => ({ ...prompt, label: '' })) : found;
}

function labelOf({ name }: TensorEntry): string {
  return name.replace(/\.?(?:soft_prompt(?:\.weight)?|ctx)$/, '');
}

/** Reads `prompt_embeddings`: a prompt, one prompt a task (MPT), or keys and values of every layer (prefix tuning). */
function peftPrompts(
  entry: TensorEntry,
  tensors: readonly TensorEntry[],
  fields: Fields,
): readonly SoftPrompt[] {
  const multitask = multitaskPrompts(entry, tensors);
  if (multitask) return multitask;
  const layers = Number(fields.get('num_layers') ?? NaN);
  const width = entry.span.shape.at(-1) ?? 0;
  const isPrefix = fields.get('peft_type') === 'PREFIX_TUNING';
  if (isPrefix && entry.span.shape.length === 2 && layers > 0 && width % (2 * layers) === 0)
    return prefixes(entry, layers);
  return rowsOf(entry, isPrefix ? 'keys' : 'input', '');
}

/**
 * Prefix tuning as PEFT keeps it: a row is, layer by layer, the keys and then the values of one virtual token (Li & Liang 2021,
 * https://arxiv.org/abs/2101.00190).
 */
function prefixes(entry: TensorEntry, layers: number): readonly SoftPrompt[] {
  const [tokens = 0, whole = 0] = entry.span.shape;
  const width = whole / (2 * layers);
  return Array.from({ length: 2 * layers }, (_, part) => ({
    ...plain(entry, 'keys', `layer ${String(part >> 1)} ${part % 2 === 0 ? 'keys' : 'values'}`),
    tokens,
    width,
    form: ([values = new Float64Array(0)]: readonly Float64Array[]) => {
      const cut = new Float64Array(tokens * width);
      for (let row = 0; row < tokens; row++) {
        const first = row * whole + part * width;
        cut.set(values.subarray(first, first + width), row * width);
      }
      return cut;
    },
  }));
}

/**
 * Multitask prompt tuning (Wang et al. 2023, https://arxiv.org/abs/2303.02861, eq. 2): the prompt of task t is P ∘ (uₜ·vₜᵀ), with
 * `prefix_task_cols` tasks × tokens × rank and `prefix_task_rows` tasks × rank × width.
 */
function multitaskPrompts(entry: TensorEntry, tensors: readonly TensorEntry[]): readonly SoftPrompt[] | null {
  const columns = tensors.find(({ name }) => /(?:^|\.)prefix_task_cols$/.test(name));
  const rows = tensors.find(({ name }) => /(?:^|\.)prefix_task_rows$/.test(name));
  const [tokens = 0, width = 0] = entry.span.shape;
  const [tasks = 0, length, rank = 0] = columns?.span.shape ?? [];
  const [others, inner, across] = rows?.span.shape ?? [];
  if (!columns || !rows || others !== tasks || length !== tokens || inner !== rank || across !== width)
    return null;
  return Array.from({ length: tasks }, (_, task) => ({
    ...plain(entry, 'input', `task ${String(task)}`),
    tokens,
    width,
    parts: [entry, columns, rows],
    form: ([p, u, v]: readonly Float64Array[]) =>
      Float64Array.from({ length: tokens * width }, (__, at) => {
        const [row, column] = [Math.floor(at / width), at % width];
        let sum = 0;
        for (let k = 0; k < rank; k++) {
          const left = u?.[(task * tokens + row) * rank + k] ?? NaN;
          sum += left * (v?.[(task * rank + k) * width + column] ?? NaN);
        }
        return (p?.[at] ?? NaN) * sum;
      }),
  }));
}

/** LLaMA-Adapter (Zhang et al. 2023, https://arxiv.org/abs/2303.16199): a prompt and a gate in each of the upper layers. */
function adaptionPrompt(entry: TensorEntry, tensors: readonly TensorEntry[]): SoftPrompt {
  const module = entry.name.replace(/\.adaption_prompt$/, '');
  const gate = tensors.find(({ name }) => name === `${module}.adaption_gate`) ?? null;
  const layer = /(?:layers|h|block)\.(\d+)\./.exec(`${module}.`)?.[1];
  const label = layer === undefined ? module : `layer ${layer}`;
  return { ...plain(entry, 'layer', label), gate: gate?.span.count === 1 ? gate : null };
}

/**
 * A pool of prompts of L2P (Wang et al. 2022, https://arxiv.org/abs/2112.08654): `prompt` is pool × tokens × width and
 * `prompt_key` pool × width.
 */
function pool(entry: TensorEntry, tensors: readonly TensorEntry[]): readonly SoftPrompt[] {
  const prompts = rowsOf(entry, 'input', 'pool');
  const key = tensors.find(({ name }) => name === `${entry.name}_key`);
  if (key?.span.shape.length !== 2 || key.span.shape[0] !== prompts.length) return prompts;
  return prompts.map((prompt, row) => ({ ...prompt, key: { entry: key, row } }));
}

/** A matrix is one prompt; of more dimensions the last two are, and each index before them is a prompt of its own. */
function rowsOf(entry: TensorEntry, role: SoftPrompt['role'], label: string): readonly SoftPrompt[] {
  const { shape, count } = entry.span;
  if (shape.length < 2) return [];
  const [tokens = 0, width = 0] = shape.slice(-2);
  const each = tokens * width;
  const stacked = each > 0 ? count / each : 0;
  if (stacked === 1) return [plain(entry, role, label)];
  return Array.from({ length: stacked }, (_, index) => ({
    ...plain(entry, role, `${label === '' ? 'prompt' : label} ${String(index)}`),
    form: ([values = new Float64Array(0)]: readonly Float64Array[]) =>
      values.slice(index * each, (index + 1) * each),
  }));
}

function plain(entry: TensorEntry, role: SoftPrompt['role'], label: string): SoftPrompt {
  const [tokens = 0, width = 0] = entry.span.shape.slice(-2);
  const form = ([values = new Float64Array(0)]: readonly Float64Array[]) => values;
  return { label, role, tokens, width, parts: [entry], form, gate: null, key: null };
}
