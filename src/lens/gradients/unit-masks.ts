import { deltaSource, checkpointSource } from '../../graph/bind/weight-source';
import type { AttentionBlock } from '../../model/attention';
import { placeOf } from '../../model/naming';
import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import { cancelled, success, type Result } from '../../protocol/result';

/** Units of one layer whose outputs pass through one matrix: heads of an attention, hidden units of an MLP. */
export interface UnitGroup {
  readonly kind: 'head' | 'mlp';
  /** Row of a heatmap, and how it is called. */
  readonly layer: string;
  readonly label: string;
  /** The matrix that takes in what the units give. */
  readonly tensor: string;
  /** Inputs of the matrix that belong to one unit. */
  readonly width: number;
  readonly units: number;
  readonly inputsFirst: boolean;
}

/** Groups of units found in a network: heads of `blocks`, and what enters the last matrix of an MLP. */
export function unitGroups(
  { base }: Study,
  tensors: Iterable<string>,
  blocks: readonly AttentionBlock[],
): readonly UnitGroup[] {
  const shapes = new Map(base?.tensors.map(({ name, span }) => [name, span.shape]));
  const groups: UnitGroup[] = [];
  for (const tensor of tensors) {
    const block = blocks.find(({ output }) => output?.entry.name === tensor);
    if (block?.output) {
      const { heads, output, layer, label } = block;
      const inputsFirst = output.stored === 'in-out';
      groups.push({ kind: 'head', layer, label, tensor, width: output.size, units: heads, inputsFirst });
      continue;
    }
    const shape = shapes.get(tensor) ?? [];
    const { module, row, layerLabel, expert } = placeOf(tensor);
    if (module !== 'mlp.down' || shape.length !== 2 || expert !== undefined) continue;
    const inputsFirst = /\.kernel$|(?:^|\.)c_proj\.weight$/.test(tensor);
    const units = (inputsFirst ? shape[0] : shape[1]) ?? 0;
    groups.push({ kind: 'mlp', layer: row, label: layerLabel, tensor, width: 1, units, inputsFirst });
  }
  return groups;
}

/** Sums over the entries of a matrix that belong to each unit. */
export function unitSums({ units, width, inputsFirst }: UnitGroup, values: Float64Array): Float64Array {
  const inputs = units * width;
  const outputs = values.length / Math.max(1, inputs);
  const sums = new Float64Array(units);
  for (let at = 0; at < values.length; at++) {
    const input = inputsFirst ? Math.floor(at / outputs) : at % inputs;
    const unit = Math.floor(input / width);
    sums[unit] = (sums[unit] ?? 0) + (values[at] ?? 0);
  }
  return sums;
}

/**
 * ∂L/∂m of a mask m = 1 on the output of every unit: Σ θ·g over the inputs of the matrix that are the unit's, since scaling
 * what comes in is scaling these weights. Fails as reading does.
 */
export async function maskGradients(
  { base }: Study,
  gradients: ReadonlyMap<string, Float32Array>,
  group: UnitGroup,
): Promise<Result<Float64Array>> {
  if (base === null) return success(new Float64Array(group.units));
  const weights = await checkpointSource(base).load(group.tensor);
  if (!weights.ok) return weights;
  const gradient = gradients.get(group.tensor);
  return success(
    unitSums(
      group,
      weights.value.map((value, at) => value * (gradient?.[at] ?? 0)),
    ),
  );
}

/** ‖τᵤ‖² of every unit: how far a task moved the weights that take in what the unit gives. Fails as reading does. */
export async function unitDeltas(
  { base }: Study,
  task: TaskVector,
  group: UnitGroup,
  signal: AbortSignal,
): Promise<Result<Float64Array>> {
  if (signal.aborted) return cancelled();
  if (base === null) return success(new Float64Array(group.units));
  const delta = await deltaSource(base, task).load(group.tensor);
  if (!delta.ok) return delta;
  return success(
    unitSums(
      group,
      delta.value.map((value) => value * value),
    ),
  );
}

/**
 * I = |tanh z|, z being how many standard deviations a mask's gradient is from the mean of its group: 0 is usual, 1 stands
 * out. All 0 where the gradients are all the same.
 */
export function importances(gradients: Float64Array): Float64Array {
  const n = Math.max(1, gradients.length);
  const mean = gradients.reduce((sum, value) => sum + value, 0) / n;
  const variance = gradients.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  const deviation = Math.sqrt(variance);
  return gradients.map((value) => (deviation > 0 ? Math.abs(Math.tanh((value - mean) / deviation)) : 0));
}
