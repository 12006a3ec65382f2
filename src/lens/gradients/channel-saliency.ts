import { readActivationGradients } from '../../graph/gradients/activation-gradients';
import type { Objective } from '../../graph/objective/objective';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { numbersOf } from '../../graph/tensor-value';
import { failure, success, type Result } from '../../protocol/result';
import type { StreamPlace } from '../activations/layer-features';
import { pooled } from '../activations/pooling';
import type { LensContext } from '../lens';
import { GradientSamples } from './gradient-samples';

/** How strongly the loss of a task depends on every channel of a representation. */
export interface PlaceSaliency {
  readonly place: StreamPlace;
  /** Mean over samples and tokens of |∂L/∂Z|, channel by channel. */
  readonly channels: Float64Array;
}

const RUN = 16;

/**
 * Mean |∂L/∂Z| of every channel of the representations `places` at the base, over samples and tokens. Places whose gradient
 * cannot be had, or that are no batch of tokens or pixels, are left out. Fails with `data-labels-missing`, `cancelled`, or
 * as running the network does.
 */
export async function channelSaliency(
  study: StudyNetwork,
  places: readonly StreamPlace[],
  samples: StudySamples,
  objective: Objective,
  { signal }: LensContext,
  onSamples: (samples: number) => void,
): Promise<Result<readonly PlaceSaliency[]>> {
  const weights = await study.weightsOf(null, signal);
  if (!weights.ok) return weights;
  const runs = new GradientSamples(samples, objective, samples.batch ?? RUN);
  const sums = new Map<string, { readonly channels: Float64Array; rows: number }>();
  let done = 0;
  const read = await readActivationGradients(
    study.network.map.graph,
    { weights: weights.value, values: places.map(({ value }) => value), objective, signal },
    runs,
    (gradients, count) => {
      for (const [value, gradient] of gradients) {
        const rows = pooled(numbersOf(gradient), gradient.shape, 'tokens');
        if (rows === null) continue;
        const own = sums.get(value) ?? { channels: new Float64Array(rows.columns), rows: 0 };
        sums.set(value, own);
        own.rows += rows.rows;
        rows.values.forEach((entry, at) => {
          const channel = at % rows.columns;
          own.channels[channel] = (own.channels[channel] ?? 0) + Math.abs(entry);
        });
      }
      done += count;
      onSamples(done);
    },
  );
  if (runs.problem !== null) return failure(runs.problem);
  if (!read.ok) return read;
  return success(
    places.flatMap((place) => {
      const own = sums.get(place.value);
      return own === undefined ? [] : [{ place, channels: own.channels.map((sum) => sum / own.rows) }];
    }),
  );
}

/** Who a channel belongs to. */
export interface ChannelShares {
  /** −Σ pₜ ln pₜ / ln T: 0 is one task's alone, 1 is shared evenly; `null` where no task depends on it. */
  readonly entropy: number | null;
  /** The task with the largest share, and the share. */
  readonly owner: number;
  readonly share: number;
}

/**
 * Shares of the tasks in every channel of one representation: pₜ ∝ the task's saliency there, every task's scaled to a sum
 * of 1 over the channels first, so that a task with a large loss does not own everything.
 */
export function channelShares(saliencies: readonly Float64Array[]): readonly ChannelShares[] {
  const totals = saliencies.map((channels) => channels.reduce((sum, value) => sum + value, 0));
  const count = saliencies[0]?.length ?? 0;
  return Array.from({ length: count }, (_, channel) => {
    const own = saliencies.map((channels, task) => (channels[channel] ?? 0) / (totals[task] || 1));
    const sum = own.reduce((total, value) => total + value, 0);
    const shares = own.map((value) => (sum > 0 ? value / sum : 0));
    const entropy = -shares.reduce((total, p) => total + (p > 0 ? p * Math.log(p) : 0), 0);
    const share = Math.max(...shares);
    return {
      entropy: sum > 0 ? Math.max(0, entropy / Math.log(saliencies.length)) : null,
      owner: shares.indexOf(share),
      share,
    };
  });
}
