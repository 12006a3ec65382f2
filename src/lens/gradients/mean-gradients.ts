import { transpose } from '../../graph/bind/digest';
import type { BoundWeights } from '../../graph/bind/bind-weights';
import { obstacleText } from '../../graph/differentiate/differentiate';
import { accumulate, type Accumulated } from '../../graph/gradients/accumulate';
import type { Objective } from '../../graph/objective/objective';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import { networkOrder } from '../../model/naming';
import { failure, success, type Result } from '../../protocol/result';
import { namesText } from '../wording';
import { GradientSamples } from './gradient-samples';
import { lossSign } from './objective-parameter';

/** The mean gradient of a loss over samples, tensor by tensor. */
export interface NetworkGradients {
  /** By tensor of the base, in network order: ∂L/∂θ in the shape and order of the checkpoint, whatever the graph has. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  readonly samples: number;
  /** Mean of the loss over samples. */
  readonly loss: number;
  /** What has no gradient, and why. */
  readonly without: readonly string[];
}

/** What to differentiate, and on what. */
export interface GradientRequest {
  readonly weights: BoundWeights;
  readonly samples: StudySamples;
  readonly objective: Objective;
  readonly signal: AbortSignal;
  /** Called after every run with the samples so far. */
  readonly onSamples: (samples: number) => void;
}

/** Samples of one run: enough to keep matrix products large, few enough to keep memory small. */
const RUN = 16;

/**
 * g = (1/N) Σₙ ∂Lₙ/∂θ over the samples; the loss Lₙ is −log p(yₙ | xₙ) (cross-entropy, summed over the positions of a
 * sample), −logit(yₙ), or the entropy H, as the objective says. Where several weights of the graph are one tensor their
 * gradients are added. Memory: one float32 number a weight. Fails with `data-labels-missing`, `cancelled`, or as running
 * the network does.
 */
export async function meanGradients(
  study: StudyNetwork,
  { weights, samples, objective, signal, onSamples }: GradientRequest,
): Promise<Result<NetworkGradients>> {
  const runs = new GradientSamples(samples, objective, samples.batch ?? RUN);
  const summed = await accumulate(study.network.map.graph, weights, runs, {
    objective,
    accumulation: 'sum',
    signal,
    onRun: ({ samples: done }) => {
      onSamples(done);
      return true;
    },
  });
  if (runs.problem !== null) return failure(runs.problem);
  if (!summed.ok) return summed;
  const sign = lossSign(objective);
  return success({
    tensors: tensorGradients(study, summed.value, sign),
    samples: summed.value.samples,
    loss: (sign * summed.value.objective) / Math.max(1, summed.value.samples),
    without: obstaclesOf(study, summed.value),
  });
}

function tensorGradients(
  { network: { map } }: StudyNetwork,
  { means }: Accumulated,
  sign: number,
): ReadonlyMap<string, Float32Array> {
  const found = new Map<string, Float32Array>();
  for (const { initializer, tensor, transposed } of map.placements) {
    const mean = means.get(initializer);
    if (mean === undefined) continue;
    const [rows = 1, columns = 1] = map.graph.initializers.get(initializer)?.shape ?? [];
    const turned = transposed ? transpose(mean, rows, columns) : mean;
    const known = found.get(tensor);
    found.set(
      tensor,
      Float32Array.from(turned, (value, at) => sign * value + (known?.[at] ?? 0)),
    );
  }
  return new Map(
    networkOrder([...found.keys()]).map((name) => [name, found.get(name) ?? new Float32Array()]),
  );
}

function obstaclesOf({ network: { map } }: StudyNetwork, { obstacles }: Accumulated): readonly string[] {
  const tensorOf = new Map(map.placements.map(({ initializer, tensor }) => [initializer, tensor]));
  return obstacles.map((obstacle) => {
    const names = obstacle.targets.flatMap((target) => tensorOf.get(target) ?? []);
    return `${obstacleText(obstacle)}${names.length > 0 ? ` Without a gradient: ${namesText(names)}.` : ''}`;
  });
}
