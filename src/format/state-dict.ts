import { PickledObject, PickledTensor, type Pickled } from './pickled';

/** The named tensors of what torch saved. */
export interface StateDict {
  readonly tensors: readonly { readonly name: string; readonly tensor: PickledTensor }[];
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
const DEEPEST = 64;
const LONGEST_VALUE = 200;

/**
 * Flattens what a checkpoint holds to tensors by dotted names. Where one of the usual keys holds the weights beside other
 * things (an optimizer, a configuration), the names are those within it. A pickled module has the names of its
 * `state_dict()`.
 */
export function stateDictOf(content: Pickled): StateDict {
  const all = flatten(content);
  const key = content instanceof Map ? weightsKey(content) : null;
  if (key === null || !(content instanceof Map)) {
    return { tensors: all, within: null, leftOut: 0, metadata: metadataOf(content) };
  }
  const tensors = flatten(content.get(key) ?? null);
  return { tensors, within: key, leftOut: all.length - tensors.length, metadata: metadataOf(content) };
}

function weightsKey(content: Map<Pickled, Pickled>): string | null {
  // A state dict itself: tensors right at the top.
  if ([...content.values()].some((value) => value instanceof PickledTensor)) return null;
  return WEIGHTS.find((key) => flatten(content.get(key) ?? null).length > 0) ?? null;
}

function flatten(content: Pickled): { name: string; tensor: PickledTensor }[] {
  const found: { name: string; tensor: PickledTensor }[] = [];
  // What holds itself is gone into once.
  const inside = new Set<Pickled>();
  const visit = (value: Pickled, path: readonly string[]): void => {
    if (value instanceof PickledTensor) {
      found.push({ name: path.join('.'), tensor: value });
      return;
    }
    const parts = partsOf(value);
    if (parts === null || path.length > DEEPEST || inside.has(value)) return;
    inside.add(value);
    for (const [key, part] of parts) visit(part, PARTS.has(key) ? path : [...path, key]);
    inside.delete(value);
  };
  visit(content, []);
  return found;
}

function partsOf(value: Pickled): Iterable<readonly [string, Pickled]> | null {
  if (value instanceof PickledObject) return value.state === undefined ? null : partsOf(value.state);
  if (value instanceof Map) {
    return [...value].flatMap(([key, part]) =>
      typeof key === 'string' || typeof key === 'number' ? [[String(key), part] as const] : [],
    );
  }
  return Array.isArray(value) ? value.map((part, at) => [String(at), part] as const) : null;
}

function metadataOf(content: Pickled): Readonly<Record<string, string>> {
  if (!(content instanceof Map)) return {};
  const plain = [...content].flatMap(([key, value]) => {
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return typeof key === 'string' && isPlain ? [[key, String(value).slice(0, LONGEST_VALUE)] as const] : [];
  });
  return Object.fromEntries(plain);
}
