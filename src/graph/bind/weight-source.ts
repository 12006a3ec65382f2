import type { Checkpoint } from '../../format/checkpoint';
import { readSpan } from '../../format/read';
import type { TaskVector, TensorDelta } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import { decode } from '../../tensor/decode';
import type { LowRankDelta } from '../../tensor/pass';
import type { TensorSpan } from '../../tensor/span';
import { refuse } from '../problems';

/** Somewhere that weights of a network come from, by the names of the base's tensors. */
export interface WeightSource {
  /** Path for messages. */
  readonly path: string;
  /** The shape of a tensor; `null` where there is none of that name. Reads nothing. */
  shapeOf(tensor: string): readonly number[] | null;
  /** All values in C order. Fails with `graph-weight-unbound`, or as reading does. */
  load(tensor: string): Promise<Result<Float64Array>>;
}

/** One task with its coefficient λ in `θ₀ + Σ λ τ`. */
export interface Term {
  readonly task: TaskVector;
  readonly coefficient: number;
}

/** The tensors of a checkpoint as they are. */
export function checkpointSource(checkpoint: Checkpoint): WeightSource {
  const spans = new Map(checkpoint.tensors.map(({ name, span }) => [name, span]));
  return {
    path: checkpoint.path,
    shapeOf: (tensor) => spans.get(tensor)?.shape ?? null,
    load: async (tensor) => {
      const span = spans.get(tensor);
      return span === undefined ? noTensor(checkpoint.path, tensor) : readValues(span);
    },
  };
}

/**
 * `θ₀ + Σ λ τ` over dense and factored task vectors: a fine-tune or an adapter on its base (one term, λ = 1), or any
 * linear combination. A tensor that a task does not have stays as in the base.
 */
export function combinationSource(base: Checkpoint, terms: readonly Term[]): WeightSource {
  const whole = checkpointSource(base);
  return {
    path: base.path,
    shapeOf: (tensor) => whole.shapeOf(tensor),
    load: async (tensor) => {
      const loaded = await whole.load(tensor);
      if (!loaded.ok) return loaded;
      const start = Float64Array.from(loaded.value);
      for (const { task, coefficient } of terms) {
        const delta = task.deltas.get(tensor);
        if (delta === undefined) continue;
        const added = await addDelta(loaded.value, delta, coefficient, start);
        if (!added.ok) return added;
      }
      return success(start);
    },
  };
}

/** The task vector `τ` itself in the place of weights; 0 where the task does not have a tensor of the base. */
export function deltaSource(base: Checkpoint, task: TaskVector): WeightSource {
  const whole = checkpointSource(base);
  return {
    path: task.checkpoint.path,
    shapeOf: (tensor) => whole.shapeOf(tensor),
    load: async (tensor) => {
      const shape = whole.shapeOf(tensor);
      if (shape === null) return noTensor(base.path, tensor);
      const target = new Float64Array(shape.reduce((product, size) => product * size, 1));
      const delta = task.deltas.get(tensor);
      if (delta === undefined) return success(target);
      const loaded = delta.kind === 'lowRank' ? success(target) : await whole.load(tensor);
      if (!loaded.ok) return loaded;
      const added = await addDelta(loaded.value, delta, 1, target);
      return added.ok ? success(target) : added;
    },
  };
}

/** Adds `λ τ` to `target`; `base` holds θ₀, which dense tasks are taken against. */
async function addDelta(
  base: Float64Array,
  delta: TensorDelta,
  coefficient: number,
  target: Float64Array,
): Promise<Result<null>> {
  if (delta.kind === 'lowRank') {
    const factors = await delta.load();
    if (!factors.ok) return factors;
    addLowRank(factors.value, coefficient, target);
    return success(null);
  }
  const span = delta.kind === 'dense' ? success(delta.span) : await delta.load();
  if (!span.ok) return span;
  const values = await readValues(span.value);
  if (!values.ok) return failure(values.problem);
  for (let i = 0; i < target.length; i++) {
    target[i] = (target[i] ?? 0) + coefficient * ((values.value[i] ?? 0) - (base[i] ?? 0));
  }
  return success(null);
}

/** `target += λ · s · B · A`. */
function addLowRank(
  { scale, b, a, rows, columns, rank }: LowRankDelta,
  coefficient: number,
  target: Float64Array,
): void {
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < rank; k++) {
      const factor = coefficient * scale * (b[i * rank + k] ?? 0);
      if (factor === 0) continue;
      for (let j = 0; j < columns; j++) {
        const at = i * columns + j;
        target[at] = (target[at] ?? 0) + factor * (a[k * columns + j] ?? 0);
      }
    }
  }
}

async function readValues(span: TensorSpan): Promise<Result<Float64Array>> {
  const bytes = await readSpan(span);
  return bytes.ok ? success(decode(span.dtype, bytes.value, span.count)) : bytes;
}

function noTensor(path: string, tensor: string): Result<never> {
  return refuse('graph-weight-unbound', path, `${path} has no tensor ${tensor}.`, tensor);
}
