import { accumulate, type Accumulated, type AccumulationState } from '../../graph/gradients/accumulate';
import type { Objective } from '../../graph/objective/objective';
import { obstacleText } from '../../graph/differentiate/differentiate';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { networkOrder } from '../../model/naming';
import type { TaskVector } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import type { LensContext } from '../lens';
import { namesText } from '../wording';
import { GradientSamples } from './gradient-samples';

/** Figures of the diagonal Fisher information of one tensor. */
export interface TensorFisher {
  readonly tensor: string;
  readonly count: number;
  readonly sum: number;
  /** ‖F‖_F */
  readonly frobenius: number;
  readonly max: number;
  /** Of `sum`, over samples; `null` for one sample. */
  readonly standardError: number | null;
}

export interface NetworkFisher {
  readonly tensors: readonly TensorFisher[];
  /** `null`: taken from a file that does not say. */
  readonly samples: number | null;
  /** Mean of the objective over samples; `null` where none was computed. */
  readonly objective: number | null;
  /** What has no gradient, and why. */
  readonly without: readonly string[];
}

/** What to differentiate, and on what. */
export interface FisherRequest {
  /** `null`: at the base. */
  readonly model: TaskVector | null;
  readonly samples: StudySamples;
  readonly objective: Objective;
  /** Called after every sample, with the way to the figures of those so far. `false` ends here. */
  readonly onSample: (state: AccumulationState, soFar: () => NetworkFisher) => boolean;
}

/**
 * Diagonal of the empirical Fisher information F = (1/N) Σ (∂ℓ/∂θ)², squares of the gradients of single samples, tensor by
 * tensor in network order. A tensor that several weights of the graph are (a tied head) has the sum of their gradients only
 * where the graph has it as one weight. Fails with `data-labels-missing`, `cancelled`, or as running the network does.
 */
export async function networkFisher(
  study: StudyNetwork,
  { model, samples, objective, onSample }: FisherRequest,
  { signal }: LensContext,
): Promise<Result<NetworkFisher>> {
  const weights = await study.weightsOf(model, signal);
  if (!weights.ok) return weights;
  const { map } = study.network;
  const runs = new GradientSamples(samples, objective, 1);
  const summed = await accumulate(map.graph, weights.value, runs, {
    objective,
    accumulation: 'squares',
    signal,
    onRun: (state, soFar) => onSample(state, () => figuresOfNetwork(study, soFar())),
  });
  if (runs.problem !== null) return failure(runs.problem);
  if (!summed.ok) return summed;
  return success(figuresOfNetwork(study, summed.value));
}

function figuresOfNetwork({ network: { map } }: StudyNetwork, summed: Accumulated): NetworkFisher {
  const tensorOf = new Map(map.placements.map(({ initializer, tensor }) => [initializer, tensor]));
  const tensors = new Map<string, TensorFisher>();
  for (const [initializer, means] of summed.means) {
    const tensor = tensorOf.get(initializer);
    if (tensor === undefined) continue;
    const error = summed.standardErrors.get(initializer) ?? null;
    tensors.set(tensor, figuresOf(tensor, means, error));
  }
  const { obstacles, samples: done } = summed;
  return {
    tensors: networkOrder([...tensors.keys()]).flatMap((name) => tensors.get(name) ?? []),
    samples: done,
    objective: summed.objective / Math.max(1, done),
    without: obstacles.map((obstacle) => {
      const names = obstacle.targets.flatMap((target) => tensorOf.get(target) ?? []);
      return `${obstacleText(obstacle)}${names.length > 0 ? ` Without a gradient: ${namesText(names)}.` : ''}`;
    }),
  };
}

/** Figures of the importances of one tensor. */
export function figuresOf(tensor: string, means: Float64Array, standardError: number | null): TensorFisher {
  let sum = 0;
  let squares = 0;
  let max = 0;
  for (const value of means) {
    sum += value;
    squares += value * value;
    max = Math.max(max, value);
  }
  return { tensor, count: means.length, sum, frobenius: Math.sqrt(squares), max, standardError };
}
