import type { TensorEntry } from '../format/checkpoint';
import type { Hypernetwork, LinearPart } from '../model/hypernetworks';
import type { LowRankDelta } from '../tensor/pass';

/** An adapter that a hypernetwork makes for one task, layer and block. */
export interface GeneratedAdapter {
  readonly module: string;
  readonly task: number;
  readonly layer: number;
  readonly block: number;
  /** up · down, hidden × hidden, of rank bottleneck: what the adapter is without its nonlinearity. */
  readonly map: LowRankDelta;
}

type ValuesOf = (entry: TensorEntry) => Float64Array;
/** As HyperFormer has it. */
const NORM_EPSILON = 1e-6;

/**
 * Every adapter of a hypernetwork by plain products, vec(D) = W·I(e) + b with I = ReLU projection of the joined embeddings
 * (Mahabadi et al. 2021, eq. 4–7), normed where the file has a norm. The biases of the adapters themselves are not formed.
 */
export function generatedAdapters(network: Hypernetwork, valuesOf: ValuesOf): GeneratedAdapter[] {
  const { embeddings, generators } = network;
  const vectors = embeddings.map((set) => vectorsOf(set.entries, set.width, valuesOf));
  const sizes = (['task', 'layer', 'block'] as const).map((title) => {
    const at = embeddings.findIndex((set) => set.title === title);
    return at < 0 ? 1 : (vectors[at]?.length ?? 1);
  });
  const [tasks = 1, layers = 1, blocks = 1] = sizes;
  return Array.from({ length: tasks * layers * blocks }, (_, index) => {
    const place = {
      task: Math.floor(index / (layers * blocks)),
      layer: Math.floor(index / blocks) % layers,
      block: index % blocks,
    };
    const joined = embeddings.flatMap(({ title }, at) => [...(vectors[at]?.[place[title]] ?? [])]);
    const inner = projected(network, Float64Array.from(joined), valuesOf);
    return generators.map(({ module, up, down, hidden, bottleneck }): GeneratedAdapter => ({
      module, ...place,
      map: {
        scale: 1, rank: bottleneck, rows: hidden, columns: hidden,
        b: applied(up, inner, valuesOf), a: applied(down, inner, valuesOf),
      },
    })); // prettier-ignore
  }).flat();
}

/** Vectors of a set, one for each name. */
export function vectorsOf(
  entries: readonly TensorEntry[],
  width: number,
  valuesOf: ValuesOf,
): Float64Array[] {
  return entries.flatMap((entry) => {
    const values = valuesOf(entry);
    return Array.from({ length: values.length / width }, (_, row) =>
      values.slice(row * width, (row + 1) * width),
    );
  });
}

function projected(
  { projection, norm }: Hypernetwork,
  joined: Float64Array,
  valuesOf: ValuesOf,
): Float64Array {
  const inner = projection
    ? applied(
        projection[1],
        applied(projection[0], joined, valuesOf).map((value) => Math.max(0, value)),
        valuesOf,
      )
    : joined;
  if (!norm) return inner;
  const mean = inner.reduce((sum, value) => sum + value, 0) / inner.length;
  const variance = inner.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inner.length;
  const [gain, shift] = [valuesOf(norm.weight), norm.bias && valuesOf(norm.bias)];
  return inner.map(
    (value, at) =>
      ((value - mean) / Math.sqrt(variance + NORM_EPSILON)) * (gain[at] ?? 1) + (shift?.[at] ?? 0),
  );
}

function applied({ weight, bias }: LinearPart, input: Float64Array, valuesOf: ValuesOf): Float64Array {
  const [w, b] = [valuesOf(weight), bias && valuesOf(bias)];
  const width = input.length;
  return Float64Array.from({ length: w.length / width }, (_, row) => {
    let sum = b?.[row] ?? 0;
    for (let at = 0; at < width; at++) sum += (w[row * width + at] as number) * (input[at] as number);
    return sum;
  });
}
