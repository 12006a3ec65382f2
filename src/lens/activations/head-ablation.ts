import type { AttentionSite } from '../../graph/attention-sites';
import { maskHeads } from '../../graph/masked-heads';
import { openSession, type GraphSession } from '../../graph/session';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { numbersOf, tensorValue, type TensorValue } from '../../graph/tensor-value';
import type { BoundWeights } from '../../graph/bind/bind-weights';
import { cancelled, success, type Result } from '../../protocol/result';
import { logSoftmax } from './logit-shift';
import { pause } from '../pause';

/** Samples of one run. */
const BATCH = 32;

/** What is run. */
export interface AblationRequest {
  readonly sites: readonly AttentionSite[];
  /** Heads of each site. */
  readonly heads: readonly number[];
  readonly weights: BoundWeights;
  readonly samples: StudySamples;
  /** The output with the logits. */
  readonly output: string;
  readonly signal: AbortSignal;
  readonly progress: (share: number) => void;
}

/**
 * Importance of every head: the mean over samples and positions of KL(p ‖ p without the head), in nats, the head's output being
 * set to 0. Needs no labels. By site, head by head. Fails as sessions and samples do, or with `cancelled`.
 */
export async function headImportance(
  study: StudyNetwork,
  request: AblationRequest,
): Promise<Result<readonly Float64Array[]>> {
  const { sites, output } = request;
  const { graph, placements } = study.network.map;
  const masked = maskHeads(graph, sites);
  if (!masked.ok) return masked;
  const session = await openSession(masked.value.graph, {
    outputs: [output],
    weights: new Set(placements.map(({ initializer }) => initializer)),
  });
  if (!session.ok) return session;
  try {
    return await ablate(session.value, masked.value.masks, request);
  } finally {
    await session.value.release();
  }
}

async function ablate(
  session: GraphSession,
  masks: readonly string[],
  { heads, weights, samples, output, signal, progress }: AblationRequest,
): Promise<Result<readonly Float64Array[]>> {
  const sums = heads.map((count) => new Float64Array(count));
  const all = heads.reduce((sum, count) => sum + count, 0);
  const size = samples.batch ?? BATCH;
  let positions = 0;
  for (let first = 0; first < samples.count; first += size) {
    const feeds = await samples.feeds(first, Math.min(size, samples.count - first));
    if (!feeds.ok) return feeds;
    const run = async (site: number, head: number): Promise<Result<LogProbabilities>> => {
      const given = new Map<string, TensorValue>([...weights, ...feeds.value]);
      masks.forEach((mask, at) => given.set(mask, maskOf(heads[at] ?? 0, at === site ? head : -1)));
      const outputs = await session.run(given, { signal });
      if (!outputs.ok) return outputs;
      const value = outputs.value.get(output);
      return success(value ? logProbabilities(value) : { rows: 0, values: new Float64Array() });
    };
    const whole = await run(-1, -1);
    if (!whole.ok) return whole;
    let done = 0;
    for (const [site, own] of sums.entries()) {
      for (let head = 0; head < own.length; head++) {
        const without = await run(site, head);
        if (!without.ok) return without;
        own[head] = (own[head] ?? 0) + divergence(whole.value.values, without.value.values);
        progress((first + (++done / all) * Math.min(size, samples.count - first)) / samples.count);
        await pause();
        if (signal.aborted) return cancelled();
      }
    }
    positions += whole.value.rows;
  }
  return success(sums.map((own) => own.map((sum) => Math.max(0, sum / Math.max(1, positions)))));
}

interface LogProbabilities {
  readonly rows: number;
  /** Rows × classes. */
  readonly values: Float64Array;
}

function logProbabilities(value: TensorValue): LogProbabilities {
  const numbers = numbersOf(value);
  const classes = value.shape.at(-1) ?? 1;
  const rows = numbers.length / classes;
  const values = new Float64Array(numbers.length);
  for (let row = 0; row < rows; row++)
    values.set(logSoftmax(numbers.subarray(row * classes, (row + 1) * classes)), row * classes);
  return { rows, values };
}

/** Σ p ln(p/q) over all rows. */
function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < p.length; at++) sum += Math.exp(p[at] ?? 0) * ((p[at] ?? 0) - (q[at] ?? 0));
  return sum;
}

function maskOf(heads: number, off: number): TensorValue {
  return tensorValue(
    'float32',
    [heads, 1, 1],
    Float64Array.from({ length: heads }, (_, head) => Number(head !== off)),
  );
}
