import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { placeOf } from '../model/naming';
import type { TaskVector, TensorDelta } from '../model/task-vector';
import { cancelled, success, type Result } from '../protocol/result';
import type { GroupTask } from '../tensor/pass';
import type { ModulePlace } from './lora-module';
import type { MergeContext } from './plan';

/** Where the factors of a change go. */
export interface Representable extends ModulePlace {
  /** Whether the weight is stored as inputs × outputs (`Conv1D` of GPT-2). */
  readonly transposed: boolean;
}

/** A tensor of the base that a task changes. */
export interface ChangedTensor {
  readonly entry: TensorEntry;
  readonly delta: TensorDelta;
  readonly task: GroupTask;
  /** ‖τ‖² and ‖θ₀‖² */
  readonly squares: number;
  readonly baseSquares: number;
  /** Where its factors go; a phrase why there are none. */
  readonly place: Representable | string;
}

/** Tensors measured at a time. */
const BATCH = 64;

/** The tensors whose τ is not 0, in the order of the base, with their norms. Fails as reading does, or with `cancelled`. */
export async function changedTensors(
  base: Checkpoint,
  { deltas }: TaskVector,
  context: MergeContext,
): Promise<Result<readonly ChangedTensor[]>> {
  const turned = hasConv1d(base);
  const all = base.tensors.flatMap((entry) => {
    const delta = deltas.get(entry.name);
    return delta ? [{ entry, delta }] : [];
  });
  const changed: ChangedTensor[] = [];
  for (let first = 0; first < all.length; first += BATCH) {
    if (context.signal.aborted) return cancelled();
    const loaded: { entry: TensorEntry; delta: TensorDelta; task: GroupTask }[] = [];
    for (const { entry, delta } of all.slice(first, first + BATCH)) {
      const task = await taskOf(delta);
      if (!task.ok) return task;
      loaded.push({ entry, delta, task: task.value });
    }
    const items = loaded.map(({ entry, task }) => ({
      kind: 'group' as const,
      base: entry.span,
      tasks: [task],
      elementwise: false,
    }));
    const outcomes = await context.passes.run(items, { signal: context.signal });
    if (!outcomes.ok) return outcomes;
    for (const [index, outcome] of outcomes.value.entries()) {
      const each = loaded[index];
      if (!each || outcome.kind !== 'group') continue;
      const squares = outcome.tasks[0]?.deltaSquares ?? 0;
      if (squares === 0) continue;
      changed.push({
        ...each,
        squares,
        baseSquares: outcome.baseSquares,
        place: placeFor(each.entry, turned),
      });
    }
  }
  return success(changed);
}

async function taskOf(delta: TensorDelta): Promise<Result<GroupTask>> {
  if (delta.kind === 'dense') return success(delta);
  if (delta.kind === 'lowRank') {
    const loaded = await delta.load();
    return loaded.ok ? success({ kind: 'lowRank', delta: loaded.value }) : loaded;
  }
  const formed = await delta.load();
  return formed.ok ? success({ kind: 'dense', span: formed.value }) : formed;
}

/** What the factors of a weight are for, or why it has none. */
function placeFor({ name, span }: TensorEntry, turned: boolean): Representable | string {
  const { shape } = span;
  const { role, module: kind } = placeOf(name);
  if (!name.endsWith('.weight')) return 'only weights have factors';
  if (shape.length < 2) return 'a vector';
  if (role === 'norm') return 'a norm';
  if (kind === 'head') return 'the output head, which is trained whole';
  if (role === 'embedding' && shape.length === 2) return 'an embedding';
  if (shape.length > 2 && shape[1] === 1)
    return 'a convolution with one input channel, or one for each group';
  const transposed = turned && shape.length === 2 && CONV1D.test(name);
  const inner = transposed ? [shape[0] ?? 1] : shape.slice(1);
  return { module: name.slice(0, -'.weight'.length), embedding: false, inner, transposed };
}

const CONV1D = /\.(?:c_attn|c_proj|c_fc|q_attn)\.weight$/;

/** GPT-2 stores linear layers as inputs × outputs; models that took over its names and not that have c_fc the other way round. */
function hasConv1d({ tensors }: Checkpoint): boolean {
  return tensors.some(({ name, span }) => {
    const [rows = 0, columns = 0] = span.shape;
    return name.endsWith('.c_fc.weight') && span.shape.length === 2 && columns > rows;
  });
}

/** Why a tensor has no factors; empty where it has. */
export function reasonOf({ place }: ChangedTensor): string {
  return typeof place === 'string' ? place : '';
}
