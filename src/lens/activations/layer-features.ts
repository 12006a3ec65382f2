import { readActivations } from '../../graph/network';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import type { TaskVector } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import { numbersOf } from '../../graph/tensor-value';
import type { AxisEntry } from '../../protocol/artifact';
import type { Dense } from '../../tensor/linear/dense';
import type { LensContext } from '../lens';
import { wholeText } from '../wording';
import { pooled, type Pool } from './pooling';

/** A place in the stream of a network: what the first layer is given, and what each layer makes of it. */
export interface StreamPlace {
  readonly entry: AxisEntry;
  /** Value of the graph. */
  readonly value: string;
}

/** The input of the first layer, where there is one, and the output of every layer. */
export function streamPlaces({ network }: StudyNetwork): readonly StreamPlace[] {
  const [first] = network.layers;
  const input = first?.input ?? null;
  return [
    ...(input === null ? [] : [{ entry: { label: 'input' }, value: input }]),
    ...network.layers.map(({ layer, label, output }) => ({ entry: { label, layer }, value: output })),
  ];
}

/** What to read, and how the user hears of it. */
export interface FeatureRequest {
  /** `null`: of the base. */
  readonly model: TaskVector | null;
  readonly samples: StudySamples;
  readonly pool: Pool;
  /** Bytes that all features together may take. */
  readonly budget: number;
  readonly progress: (share: number) => void;
}

/**
 * Features of every place of the stream over the samples: rows are samples, or tokens with the pool `tokens`. Fails with
 * `activations-shape` (a value that is no batch of tokens or pixels), `activations-too-large`, or as running the network does.
 */
export async function layerFeatures(
  study: StudyNetwork,
  { model, samples, pool, budget, progress }: FeatureRequest,
  { signal }: LensContext,
): Promise<Result<readonly Dense[]>> {
  const weights = await study.weightsOf(model, signal);
  if (!weights.ok) return weights;
  const places = streamPlaces(study);
  const parts = places.map(() => [] as Dense[]);
  let odd: StreamPlace | null = null;
  let bytes = 0;
  const read = await readActivations(
    study.network,
    {
      values: places.map(({ value }) => value),
      weights: weights.value,
      samples,
      count: samples.count,
      signal,
      progress,
    },
    (batch) => {
      places.forEach((place, at) => {
        const value = batch.get(place.value);
        const rows = value ? pooled(numbersOf(value), value.shape, pool) : null;
        if (rows === null) {
          odd ??= place;
          return;
        }
        bytes += rows.values.byteLength;
        if (bytes <= budget) parts[at]?.push(rows);
      });
      return odd === null && bytes <= budget;
    },
  );
  if (!read.ok) return read;
  if (odd !== null) return refuseShape(odd);
  if (bytes > budget) return refuseSize(bytes, budget);
  return success(parts.map(joined));
}

function joined(parts: readonly Dense[]): Dense {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const columns = parts[0]?.columns ?? 0;
  const values = new Float64Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    values.set(part.values, at);
    at += part.values.length;
  }
  return { rows, columns, values };
}

function refuseShape({ entry, value }: StreamPlace): Result<never> {
  return failure({
    code: 'activations-shape',
    message: `What ${entry.label} gives ("${value}") is no batch of tokens, pixels or features.`,
    action: 'Use a graph with the batch as its first axis.',
  });
}

function refuseSize(bytes: number, budget: number): Result<never> {
  const text = (size: number) => `${wholeText(Math.ceil(size / 2 ** 20))} MiB`;
  return failure({
    code: 'activations-too-large',
    message: `The features of all layers take ${text(bytes)} or more, and ${text(budget)} may be used.`,
    action: 'Take fewer samples, or the mean over tokens.',
  });
}
