import { success, type Result } from '../protocol/result';
import type { Finding } from '../protocol/finding';
import type { DataSpec } from '../protocol/study';
import { batchesOf, readBatch, type DataBatch } from './data/batches';
import { matchData } from './data/match';
import { openData } from './data/registry';
import { sampleIndices } from './data/sampling';
import type { Samples } from './network';
import type { OnnxModel, ValueInfo } from '../format/onnx/types';
import type { TensorValue } from './tensor-value';

/** The samples of a study that a lens looks at. */
export interface SampleChoice {
  /** At most so many of a data set. */
  readonly samples: number;
  readonly seed: number;
}

/** Chosen samples of one data set, with labels where it has any. */
export interface StudySamples extends Samples {
  /** The chosen samples, ascending. */
  readonly indices: readonly number[];
  /** Samples in the data set. */
  readonly of: number;
  /** What was decided about the inputs without being told. */
  readonly findings: readonly Finding[];
  /** `null` where the data set has no labels. */
  labels(first: number, count: number): Promise<Result<TensorValue | null>>;
}

/**
 * Opens a data set for the inputs of a graph and chooses samples of it; what belongs to the model
 * is looked for in the folders `near`, too. Fails as opening the data and matching them to
 * the inputs do.
 */
export async function openSamples(
  { name, path, options = {} }: DataSpec,
  model: OnnxModel,
  { samples, seed }: SampleChoice,
  near: readonly string[] = [],
): Promise<Result<StudySamples>> {
  const set = await openData(path, options, near);
  if (!set.ok) return set;
  const matched = matchData(set.value, inputsOf(model), options);
  if (!matched.ok) return matched;
  const { samples: total, batch, findings } = matched.value;
  const drawn = sampleIndices(total, samples, seed).indices;
  const indices = batch === null ? drawn : batchesOf(drawn, batch, batch).flat();
  let last: { readonly key: string; readonly batch: DataBatch } | null = null;
  const read = async (first: number, count: number): Promise<Result<DataBatch>> => {
    const key = `${String(first)} ${String(count)}`;
    if (last?.key === key) return success(last.batch);
    const found = await readBatch(matched.value, indices.slice(first, first + count));
    if (found.ok) last = { key, batch: found.value };
    return found;
  };
  return success({
    name,
    indices,
    count: indices.length,
    of: total,
    batch,
    findings,
    feeds: async (first, count) => {
      const found = await read(first, count);
      return found.ok ? success(found.value.inputs) : found;
    },
    labels: async (first, count) => {
      const found = await read(first, count);
      return found.ok ? success(found.value.reference ?? null) : found;
    },
  });
}

/** What a model has to be fed with, in the types in which it is computed: half precision in float32. */
export function inputsOf({ graph }: OnnxModel): readonly ValueInfo[] {
  // Before IR version 4 every initializer had to be listed as an input, too.
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs
    .filter(({ name }) => !initializers.has(name))
    .map((input) =>
      input.type === 'float16' || input.type === 'bfloat16' ? { ...input, type: 'float32' } : input,
    );
}
