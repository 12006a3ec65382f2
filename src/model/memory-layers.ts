import type { TensorEntry } from '../format/checkpoint';

/** Two sets of sub-keys a head, of which every pair is the key of a slot (Lample et al. 2019). */
export interface ProductKeys {
  readonly entry: TensorEntry;
  readonly heads: number;
  /** Sub-keys of one half; slots are their square. */
  readonly count: number;
  readonly width: number;
  /** In which order the dimensions are stored. */
  readonly order: 'head, half, key' | 'head, key, half';
}

/** A memory or codebook of a network. */
export interface MemoryLayer {
  readonly kind: 'product-key memory' | 'single-neuron experts' | 'codebook';
  /** The module; empty where the file holds nothing else. */
  readonly module: string;
  readonly keys: ProductKeys | null;
  /** Tables with one row for each slot: values, or the two sides of single-neuron experts. */
  readonly tables: readonly { readonly title: string; readonly entry: TensorEntry }[];
  /** Entries of a codebook, heads × entries × width or entries × width. */
  readonly codes: TensorEntry | null;
  /** How often each entry was used in training, as an exponential mean; as many as there are entries. */
  readonly counts: TensorEntry | null;
}

const CODES =
  /^(.*?)\.?(?:_codebook\.embed|codebook(?:\.weight)?|(?:vq|quantizer?|quantize)\.embedding(?:\.weight)?)$/;
const COUNTS = /(?:_codebook\.|\.|^)cluster_size$/;
const TABLES: readonly (readonly [RegExp, string])[] = [
  [/^(?:values(?:\.weight)?|value_table(?:\.weight)?)$/, 'values'],
  [/^(?:peer_)?weight_down_embed(?:\.weight)?$/, 'inputs of experts'],
  [/^(?:peer_)?weight_up_embed(?:\.weight)?$/, 'outputs of experts'],
];

/**
 * Memories with product keys (as XLM, Memory Layers at Scale and PEER store them) and codebooks of a checkpoint, by names and
 * shapes. A table of values that layers share belongs to the layer that stores it.
 */
export function memoryLayers(tensors: readonly TensorEntry[]): readonly MemoryLayer[] {
  const keyed = tensors.flatMap((entry) => {
    const [, module = ''] = /^(?:(.*)\.)?keys$/.exec(entry.name) ?? [];
    return /(?:^|\.)keys$/.test(entry.name) ? productMemory(entry, module, tensors) : [];
  });
  const coded = tensors.flatMap((entry): MemoryLayer[] => {
    const [, module] = CODES.exec(entry.name) ?? [];
    const { shape, count } = entry.span;
    if (module === undefined || shape.length < 2 || shape.length > 3 || count === 0) return [];
    const entries = count / (shape.at(-1) ?? 1);
    const counts = tensors.find(
      ({ name, span }) => COUNTS.test(name) && name.startsWith(module) && span.count === entries,
    );
    return [
      { kind: 'codebook', module, keys: null, tables: valueTables(module, tensors, entries), codes: entry, counts: counts ?? null },
    ]; // prettier-ignore
  });
  return [...keyed, ...coded];
}

function productMemory(entry: TensorEntry, module: string, tensors: readonly TensorEntry[]): MemoryLayer[] {
  const tables = valueTables(module, tensors, null);
  const keys = productKeys(entry, tables[0]?.entry.span.shape[0] ?? 0);
  if (!keys) return [];
  const slots = keys.count ** 2;
  const fitting = tables.filter(
    ({ entry: { span } }) => span.shape[0] === slots || span.shape[0] === slots * keys.heads,
  );
  const isExperts = fitting.some(({ title }) => title !== 'values');
  return [
    {
      kind: isExperts ? 'single-neuron experts' : 'product-key memory', module, keys, tables: fitting,
      codes: null, counts: null,
    },
  ]; // prettier-ignore
}

/** XLM: heads × 2 × n × d; PEER: heads × n × 2 × d; Memory Layers at Scale: (heads · 2 · n) × d, n the root of the slots. */
function productKeys(entry: TensorEntry, slots: number): ProductKeys | null {
  const { shape } = entry.span;
  const [heads = 0, second = 0, third = 0, width = 0] = shape;
  if (shape.length === 4 && second === 2 && third > 0)
    return { entry, heads, count: third, width, order: 'head, half, key' };
  if (shape.length === 4 && third === 2 && second > 0)
    return { entry, heads, count: second, width, order: 'head, key, half' };
  const count = Math.round(Math.sqrt(slots));
  const own = heads / (2 * count);
  if (shape.length !== 2 || count === 0 || count ** 2 !== slots || !Number.isInteger(own) || own === 0)
    return null;
  return { entry, heads: own, count, width: second, order: 'head, half, key' };
}

/** Tables right below a module; of a codebook with so many entries only those. */
function valueTables(
  module: string,
  tensors: readonly TensorEntry[],
  entries: number | null,
): MemoryLayer['tables'] {
  const prefix =
    module === '' ? '' : `${module.replace(/\.?(?:vq|quantizer?|quantize)$/, '')}.`.replace(/^\.$/, '');
  return tensors.flatMap((entry) => {
    if (!entry.name.startsWith(prefix)) return [];
    const title = TABLES.find(([ending]) => ending.test(entry.name.slice(prefix.length)))?.[1];
    const { shape, count } = entry.span;
    const rows = count / (shape.at(-1) ?? 1);
    const fits = entries === null ? shape.length === 2 : rows === entries;
    return title !== undefined && fits && count > 0 ? [{ title, entry }] : [];
  });
}
