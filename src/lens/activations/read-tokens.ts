import { readActivations, type Samples } from '../../graph/network';
import type { StudyNetwork } from '../../graph/study-network';

import { numbersOf } from '../../graph/tensor-value';
import type { TaskVector } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import { pooled, type PooledRows } from './pooling';

/** Tokens of a batch: `tokens` rows for every sample, one sample after the other. */
export interface TokenRows extends PooledRows {
  readonly samples: number;
  readonly tokens: number;
}

/** What to read. */
export interface TokenRequest {
  readonly model: TaskVector | null;
  readonly samples: Samples;
  /** Values of the graph. */
  readonly values: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: (share: number) => void;
}

/**
 * Hands every batch of the values to `take` as rows of tokens (or pixels). Fails with `activations-shape` for a value that
 * is no batch of tokens, pixels or features, or as running the network does.
 */
export async function readTokens(
  study: StudyNetwork,
  { model, samples, values, signal, progress }: TokenRequest,
  take: (value: string, rows: TokenRows, first: number) => void,
): Promise<Result<null>> {
  const weights = await study.weightsOf(model, signal);
  if (!weights.ok) return weights;
  let odd: string | null = null;
  const read = await readActivations(
    study.network,
    { values, weights: weights.value, samples, count: samples.count, signal, progress },
    (batch, first, count) => {
      for (const name of new Set(values)) {
        const value = batch.get(name);
        const rows = value ? pooled(numbersOf(value), value.shape, 'tokens') : null;
        if (rows === null || rows.rows % count !== 0) odd ??= name;
        else take(name, { ...rows, samples: count, tokens: rows.rows / count }, first);
      }
      return odd === null;
    },
  );
  if (!read.ok) return read;
  return odd === null ? success(null) : refuseShape(odd);
}

function refuseShape(value: string): Result<never> {
  return failure({
    code: 'activations-shape',
    message: `The value "${value}" of the graph is no batch of tokens, pixels or features.`,
    action: 'Use a graph with the batch as its first axis.',
  });
}
