import { transpose } from '../../graph/bind/digest';
import type { BoundWeights } from '../../graph/bind/bind-weights';
import { deltaSource } from '../../graph/bind/weight-source';
import { ObjectiveRuns } from '../../graph/gradients/objective-runs';
import type { StudyNetwork } from '../../graph/study-network';
import { numbersOf, tensorValue } from '../../graph/tensor-value';
import { compareRows, placeOf } from '../../model/naming';
import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import { cancelled, failure, success, type Result } from '../../protocol/result';
import { GradientSamples } from './gradient-samples';
import { lossSign } from './objective-parameter';
import type { StudyGradients, TaskGradient } from './task-gradients';

/** How the loss of one task rises around some weights. */
export interface TaskSharpness {
  readonly task: string;
  readonly rho: number;
  readonly loss: number;
  /** L(θ + ρ·g/‖g‖) − L(θ); `null` where the gradient is 0 or the network gives no number there. */
  readonly rise: number | null;
  /** ‖g‖ */
  readonly norm: number;
  readonly samples: number;
  /** Only the weights of one row of the heatmap step, by ρ; `null` where they have no gradient, or the network gives no number there. */
  readonly layers: readonly { readonly layer: string; readonly rise: number | null }[];
  /** Along every task vector of the study; `null` where it is 0, or the network gives no number there. */
  readonly directions: readonly { readonly vector: string; readonly rise: number | null }[];
}

/** By tensor of the base, in the checkpoint's order. */
type Direction = ReadonlyMap<string, ArrayLike<number>>;

const RUN = 16;

/**
 * Losses of a task at θ and a step ρ away: up its gradient g, up g of each layer alone, and along every task vector of the
 * study (Foret et al. 2021, equation 2 with p = 2). θ is the base where `base` says so, else the task's fine-tune. Forward
 * runs over the samples: 2 + layers + tasks. Fails with `cancelled`, or as running the network does.
 */
export async function taskSharpness(
  study: Study,
  { network, objective }: StudyGradients,
  { task, model, gradients }: TaskGradient,
  base: boolean,
  rho: number,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: (share: number) => void },
): Promise<Result<TaskSharpness>> {
  const samples = await network.samplesOf(model);
  if (!samples.ok) return samples;
  const weights = await network.weightsOf(base ? null : model, signal);
  if (!weights.ok) return weights;
  const runs = new ObjectiveRuns(network.network.map.graph, objective);
  const layers = rowsOf(gradients.tensors);
  const steps = 2 + layers.size + study.tasks.length;
  let done = 0;
  const lossAt = async (direction: Direction): Promise<Result<number | null>> => {
    const moved = stepped(network, weights.value, direction, rho);
    if (moved === null) return success(null);
    const given = new GradientSamples(samples.value, objective, samples.value.batch ?? RUN);
    const mean = await runs.mean(moved, given, signal);
    if (given.problem !== null) return failure(given.problem);
    if (signal.aborted) return cancelled();
    progress(++done / steps);
    return mean.ok ? success(lossSign(objective) * mean.value) : mean;
  };
  try {
    const all = await lossAt(gradients.tensors);
    if (!all.ok) return all;
    const rise = (loss: number | null) =>
      loss === null || !Number.isFinite(loss) ? null : loss - gradients.loss;
    const byLayer: { layer: string; rise: number | null }[] = [];
    for (const [layer, own] of layers) {
      const loss = await lossAt(own);
      if (!loss.ok) return loss;
      byLayer.push({ layer, rise: rise(loss.value) });
    }
    const directions: { vector: string; rise: number | null }[] = [];
    for (const vector of study.tasks) {
      const delta = await deltaOf(study, network, vector);
      if (!delta.ok) return delta;
      const loss = await lossAt(delta.value);
      if (!loss.ok) return loss;
      directions.push({ vector: vector.name, rise: rise(loss.value) });
    }
    return success({
      task,
      rho,
      loss: gradients.loss,
      rise: rise(all.value),
      norm: Math.sqrt(squares(gradients.tensors)),
      samples: gradients.samples,
      layers: byLayer,
      directions,
    });
  } finally {
    await runs.release();
  }
}

function squares(direction: Direction): number {
  let sum = 0;
  for (const values of direction.values()) {
    for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) ** 2;
  }
  return sum;
}

/** The tensors of every row of the heatmap, rows in network order. */
function rowsOf(gradients: Direction): ReadonlyMap<string, Direction> {
  const rows = new Map<string, Map<string, ArrayLike<number>>>();
  for (const [tensor, values] of gradients) {
    const { row } = placeOf(tensor);
    const own = rows.get(row) ?? new Map<string, ArrayLike<number>>();
    rows.set(row, own.set(tensor, values));
  }
  return new Map([...rows].sort(([a], [b]) => compareRows(a, b)));
}

async function deltaOf(
  { base }: Study,
  { network }: StudyNetwork,
  task: TaskVector,
): Promise<Result<Direction>> {
  const delta = new Map<string, Float64Array>();
  if (base === null) return success(delta);
  const source = deltaSource(base, task);
  for (const { tensor } of network.map.placements) {
    const values = await source.load(tensor);
    if (!values.ok) return values;
    delta.set(tensor, values.value);
  }
  return success(delta);
}

/** θ + ρ·d/‖d‖ in the layout of the graph; `null` where d is 0. */
function stepped(
  { network: { map } }: StudyNetwork,
  weights: BoundWeights,
  direction: Direction,
  rho: number,
): BoundWeights | null {
  const norm = Math.sqrt(squares(direction));
  if (norm === 0) return null;
  const moved = new Map(weights);
  for (const { initializer, tensor, transposed } of map.placements) {
    const [step, weight] = [direction.get(tensor), weights.get(initializer)];
    if (step === undefined || weight === undefined) continue;
    const [columns = 1, rows = 1] = weight.shape;
    const own = Float64Array.from(step);
    const turned = transposed ? transpose(own, rows, columns) : own;
    const values = numbersOf(weight).map((value, at) => value + (rho / norm) * (turned[at] ?? 0));
    moved.set(initializer, tensorValue(weight.type, weight.shape, values));
  }
  return moved;
}
