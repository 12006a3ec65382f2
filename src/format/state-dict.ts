import { success, type Result } from '../protocol/result';
import { PickledObject, PickledSparse, PickledTensor, type Pickled } from './pickled';
import { refuse } from './problems';

/** A tensor with values of its own, by its name. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: PickledTensor | PickledSparse;
}

/** The named tensors of what torch saved. */
export interface StateDict {
  readonly tensors: readonly NamedTensor[];
  /** Path of the dictionary that they are from, where the file holds more than that: `state_dict`. */
  readonly within: string | null;
  /** Tensors outside of it, such as those of the optimizer. */
  readonly leftOut: number;
  /** Plain values beside the weights: epoch, step, versions. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Under these keys trainers keep the weights, the likeliest first (Lightning, Accelerate, timm, diffusion trainers). */
const WEIGHTS = [
  'state_dict',
  'model_state_dict',
  'model',
  'module',
  'net',
  'network',
  'weights',
  'params',
  'params_ema',
  'generator',
  'model_ema',
];
/** What a pickled torch module keeps its parts in; no part of a tensor's name. */
const PARTS: ReadonlySet<string> = new Set(['_parameters', '_buffers', '_modules']);
/** Pieces of a name; and levels that give no piece of one besides. */
const DEEPEST = 64;
const DEEPEST_LEVEL = 4 * DEEPEST;
/**
 * Values, and pieces and letters of their names, of one checkpoint. A map that holds another twice, which holds a third
 * twice, stands for exponentially many names: without a bound a file of some hundred bytes would keep a process busy for ever.
 */
const MOST_WORK = 2 ** 25;
const LONGEST_VALUE = 200;
const MOST_VALUES = 10_000;
/** Where trainers keep what the model was made with (Lightning, others). */
const HYPER_PARAMETERS = ['hyper_parameters', 'datamodule_hyper_parameters', 'hparams', 'config', 'args'];

/**
 * Flattens what a checkpoint holds to tensors by dotted names. Where one of the usual keys holds the weights beside other
 * things (an optimizer, a configuration), the names are those within it. A pickled module has the names of its
 * `state_dict()`. Fails with `pickle-malformed` where values hold each other so often that their names are beyond all bounds.
 */
export function stateDictOf(content: Pickled, path: string): Result<StateDict> {
  const all = flatten(content);
  if (all === null) {
    const message = `${path}: what it holds is shared so often that its names have no end.`;
    return refuse('pickle-malformed', path, message);
  }
  const metadata = metadataOf(content);
  const key = content instanceof Map ? weightsKey(content) : null;
  if (key === null || !(content instanceof Map)) {
    return success({ tensors: all, within: null, leftOut: 0, metadata });
  }
  // Less than the whole, so within the same bounds.
  const tensors = flatten(content.get(key) ?? null) ?? [];
  return success({ tensors, within: key, leftOut: all.length - tensors.length, metadata });
}

function weightsKey(content: Map<Pickled, Pickled>): string | null {
  // A state dict itself: tensors right at the top.
  if ([...content.values()].some((value) => value instanceof PickledTensor)) return null;
  return WEIGHTS.find((key) => (flatten(content.get(key) ?? null)?.length ?? 0) > 0) ?? null;
}

/** The tensors by their names; `null` where there is no end of them. */
function flatten(content: Pickled): NamedTensor[] | null {
  const found: NamedTensor[] = [];
  // What holds itself is gone into once.
  const inside = new Set<Pickled>();
  let work = 0;
  const visit = (value: Pickled, path: readonly string[], level: number): void => {
    if (value instanceof PickledTensor || value instanceof PickledSparse) {
      work += path.reduce((letters, piece) => letters + piece.length, 0);
      if (work <= MOST_WORK) found.push({ name: path.join('.'), tensor: value });
      return;
    }
    if (path.length > DEEPEST || level > DEEPEST_LEVEL || inside.has(value)) return;
    const parts = partsOf(value);
    if (parts === null) return;
    inside.add(value);
    work += path.length + (value instanceof Map ? value.size : 0);
    for (const [key, part] of parts) {
      if (++work > MOST_WORK) break;
      if (typeof part !== 'object' || part === null) continue;
      visit(part, key === null || PARTS.has(key) ? path : [...path, key], level + 1);
    }
    inside.delete(value);
  };
  visit(content, [], 0);
  return work > MOST_WORK ? null : found;
}

/** What a value holds, with the piece of a name that each has; the state of an object gives none. */
function partsOf(value: Pickled): readonly (readonly [string | null, Pickled])[] | null {
  if (value instanceof PickledObject) {
    const held = value.items === undefined ? [] : (partsOf(value.items) ?? []);
    return value.state === undefined ? held : [...held, [null, value.state]];
  }
  if (value instanceof Map) {
    return [...value].flatMap(([key, part]) =>
      typeof key === 'string' || typeof key === 'number' ? [[String(key), part] as const] : [],
    );
  }
  return Array.isArray(value) ? value.map((part, at) => [String(at), part] as const) : null;
}

function metadataOf(content: Pickled): Readonly<Record<string, string>> {
  if (!(content instanceof Map)) return {};
  const plain = [...plainValues(content, '')];
  for (const key of HYPER_PARAMETERS) {
    const value = content.get(key) ?? null;
    const held = value instanceof PickledObject ? (value.items ?? null) : value;
    if (held instanceof Map) plain.push(...plainValues(held, `${key}.`));
  }
  return Object.fromEntries(plain);
}

function plainValues(content: Map<Pickled, Pickled>, prefix: string): readonly (readonly [string, string])[] {
  return [...content].slice(0, MOST_VALUES).flatMap(([key, value]) => {
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return typeof key === 'string' && isPlain
      ? [[`${prefix}${key}`, String(value).slice(0, LONGEST_VALUE)] as const]
      : [];
  });
}
