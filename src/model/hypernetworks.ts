import type { TensorEntry } from '../format/checkpoint';

/** Vectors by which a hypernetwork tells tasks, layers or blocks apart. */
export interface EmbeddingSet {
  readonly title: 'task' | 'layer' | 'block';
  /** One vector each, or one matrix with a row each. */
  readonly entries: readonly TensorEntry[];
  readonly names: readonly string[];
  readonly width: number;
}

/** A layer y = W·x + b. */
export interface LinearPart {
  readonly weight: TensorEntry;
  readonly bias: TensorEntry | null;
}

/** What makes the two sides of a bottleneck adapter: each W is (rows · columns) × width. */
export interface AdapterGenerator {
  readonly module: string;
  readonly down: LinearPart;
  readonly up: LinearPart;
  /** Width of what is adapted, and of the bottleneck. */
  readonly hidden: number;
  readonly bottleneck: number;
}

/** A hypernetwork of HyperFormer's kind: embeddings → projection (two layers with a ReLU) → generators. */
export interface Hypernetwork {
  readonly embeddings: readonly EmbeddingSet[];
  readonly projection: readonly [LinearPart, LinearPart] | null;
  readonly norm: LinearPart | null;
  readonly generators: readonly AdapterGenerator[];
  /** Why adapters cannot be formed; `null` where they can. A sentence. */
  readonly refusal: string | null;
}

const TASKS = /(?:^|\.)task_(?:to_)?embeddings?\.(?!weight$)([^.]+)$/;
const MATRICES: readonly (readonly [RegExp, EmbeddingSet['title']])[] = [
  [/(?:^|\.)task_(?:id_)?embeddings?(?:\.weight)?$/, 'task'],
  [/(?:^|\.)layer_id_embeddings?(?:\.weight)?$/, 'layer'],
  [/(?:^|\.)(?:adapters_block_type|position_id_embeddings?|token_type_embeddings?)(?:\.weight)?$/, 'block'],
];
const GENERATOR = /^(.*?)(up|down)_sampler(?:_hyper_net|_hypernet)\.weight_generator(?:\.0)?\.weight$/;

/**
 * The hypernetwork of a checkpoint in the naming of HyperFormer (Mahabadi et al. 2021, https://github.com/rabeehk/hyperformer) and its
 * descendants; `null` where it has none.
 */
export function hypernetwork(tensors: readonly TensorEntry[]): Hypernetwork | null {
  const byName = new Map(tensors.map((entry) => [entry.name, entry]));
  const generators = adapterGenerators(tensors, byName);
  if (generators.length === 0) return null;
  const embeddings = embeddingSets(tensors);
  const projection = projectionOf(tensors, byName);
  const norm = tensors.find(({ name }) => /(?:^|\.)LayerNorm\.weight$/.test(name));
  const parts = {
    embeddings,
    projection,
    norm: norm ? linear(norm, byName) : null,
    generators,
  };
  return { ...parts, refusal: refusalOf(parts) };
}

function embeddingSets(tensors: readonly TensorEntry[]): EmbeddingSet[] {
  const single = tensors.filter(
    ({ name, span }) => TASKS.test(name) && span.shape.filter((size) => size > 1).length === 1,
  );
  const [first] = single;
  const named: EmbeddingSet[] = first
    ? [
        {
          title: 'task',
          entries: single,
          names: single.map(({ name }) => TASKS.exec(name)?.[1] ?? name),
          width: first.span.count,
        },
      ]
    : [];
  const matrices = MATRICES.flatMap(([ending, title]): EmbeddingSet[] => {
    const entry = tensors.find(({ name, span }) => ending.test(name) && span.shape.length === 2);
    if (!entry || (title === 'task' && first)) return [];
    const [rows = 0, width = 0] = entry.span.shape;
    return [
      {
        title,
        entries: [entry],
        names: Array.from({ length: rows }, (_, at) => `${title} ${String(at)}`),
        width,
      },
    ];
  });
  return [...named, ...matrices].sort((x, y) => ORDER.indexOf(x.title) - ORDER.indexOf(y.title));
}

/** The order in which HyperFormer joins them. */
const ORDER: readonly EmbeddingSet['title'][] = ['task', 'layer', 'block'];

function projectionOf(
  tensors: readonly TensorEntry[],
  byName: ReadonlyMap<string, TensorEntry>,
): Hypernetwork['projection'] {
  const first = tensors.find(({ name }) =>
    /(?:^|\.)task_hyper_?net\.task_embedd?ing_generator\.0\.weight$/.test(name),
  );
  const second = first && byName.get(first.name.replace(/\.0\.weight$/, '.2.weight'));
  return first && second ? [linear(first, byName), linear(second, byName)] : null;
}

function adapterGenerators(
  tensors: readonly TensorEntry[],
  byName: ReadonlyMap<string, TensorEntry>,
): AdapterGenerator[] {
  return tensors.flatMap((up): AdapterGenerator[] => {
    const [, module, side] = GENERATOR.exec(up.name) ?? [];
    const down = side === 'up' ? byName.get(up.name.replace('up_sampler', 'down_sampler')) : undefined;
    const biasOf = (entry: TensorEntry) =>
      byName.get(entry.name.replace('weight_generator', 'bias_generator'))?.span.shape[0] ?? 0;
    if (module === undefined || !down) return [];
    const [hidden, bottleneck] = [biasOf(up), biasOf(down)];
    const size = hidden * bottleneck;
    if (size === 0 || up.span.shape[0] !== size || down.span.shape[0] !== size) return [];
    return [
      {
        module: module.replace(/[._]$/, ''),
        up: linear(up, byName),
        down: linear(down, byName),
        hidden,
        bottleneck,
      },
    ];
  });
}

function linear(weight: TensorEntry, byName: ReadonlyMap<string, TensorEntry>): LinearPart {
  return { weight, bias: byName.get(weight.name.replace(/weight$/, 'bias')) ?? null };
}

function refusalOf({
  embeddings,
  projection,
  norm,
  generators,
}: Omit<Hypernetwork, 'refusal'>): string | null {
  const joined = embeddings.reduce((sum, { width }) => sum + width, 0);
  if (!embeddings.some(({ title }) => title === 'task')) return 'The file holds no embeddings of tasks.';
  const input = projection ? projection[0].weight.span.shape[1] : joined;
  if (input !== joined)
    return `Embeddings of ${String(joined)} numbers together do not fit what takes ${String(input)}.`;
  const width = projection ? projection[1].weight.span.shape[0] : joined;
  if (norm && norm.weight.span.count !== width)
    return 'The norm of the projected embedding has another width.';
  return generators.every(
    ({ up, down }) => up.weight.span.shape[1] === width && down.weight.span.shape[1] === width,
  )
    ? null
    : 'The generators take another width than the embeddings give.';
}
