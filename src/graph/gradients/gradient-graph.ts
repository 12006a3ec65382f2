import { success, type Result } from '../../protocol/result';
import { differentiate, type Obstacle } from '../differentiate/differentiate';
import { Emitter, type Term } from '../differentiate/emitter';
import { GraphDraft } from '../graph-draft';
import type { ModelGraph } from '../model-graph';
import { addObjective, type Objective, type WithObjective } from '../objective/objective';
import { openSession, type GraphSession } from '../session';
import type { TensorValue } from '../tensor-value';
import { traceLowered } from '../lower/lower';
import { traceGraph, type TracedGraph } from '../trace';

/** What is added up over runs, inside the graph. */
export type Accumulation = 'sum' | 'squares';

/** A session that adds the gradients of its weights, or their squares, to what is fed as the sums so far. */
export interface GradientSession {
  readonly session: GraphSession;
  /** Value of the objective, of shape []. */
  readonly objective: string;
  readonly reference: WithObjective['reference'];
  /** Per target the input that the sums so far are fed to, and the output that the new ones are. */
  readonly sums: ReadonlyMap<
    string,
    { readonly input: string; readonly output: string; readonly shape: readonly number[] }
  >;
  /** Of squares: the output with `Σ g²` of this run for every target, in the order of `sums`, float64. */
  readonly spread: string | null;
  readonly unconnected: readonly string[];
  readonly obstacles: readonly Obstacle[];
}

/**
 * Makes a session for inputs of the sizes of `feeds` which computes the objective and adds ∂/∂target (or its square) of
 * all `targets` to running sums. Squares are of the gradient of the whole run: for per-sample squares a run must be one
 * sample. Fails as tracing, the objective, differentiation and sessions do.
 */
export async function openGradientSession(
  graph: ModelGraph,
  feeds: ReadonlyMap<string, TensorValue>,
  objective: Objective,
  targets: readonly string[],
  accumulation: Accumulation,
): Promise<Result<GradientSession>> {
  const forward = await traceGraph(graph, feeds, [objective.output]);
  if (!forward.ok) return forward;
  const added = addObjective(forward.value, objective);
  if (!added.ok) return added;
  const { reference } = added.value;
  const whole = new Map(feeds);
  if (reference !== null) whole.set(reference.name, zeros(reference));
  const traced = await traceLowered(added.value.graph, whole, [added.value.objective]);
  if (!traced.ok) return traced;
  const known = targets.filter((target) => traced.value.shapes.has(target));
  const made = differentiate(traced.value, added.value.objective, known);
  if (!made.ok) return made;
  const draft = new GraphDraft(made.value.graph);
  const { sums, spread } = addSums(draft, made.value.gradients, traced.value, accumulation);
  const finished = draft.finish();
  if (!finished.ok) return finished;
  const outputs = [
    added.value.objective,
    ...[...sums.values()].map(({ output }) => output),
    ...(spread === null ? [] : [spread]),
  ];
  const session = await openSession(finished.value, {
    outputs,
    // Bound weights that are no targets are fed as well: the file's are those of another checkpoint.
    weights: new Set(feeds.keys()),
    planMemory: false,
  });
  if (!session.ok) return session;
  const { unconnected, obstacles } = made.value;
  return success({
    session: session.value,
    objective: added.value.objective,
    reference,
    sums,
    spread,
    unconnected,
    obstacles,
  });
}

function addSums(
  draft: GraphDraft,
  gradients: ReadonlyMap<string, string>,
  { shapes, types }: TracedGraph,
  accumulation: Accumulation,
): Pick<GradientSession, 'sums' | 'spread'> {
  const emit = new Emitter(draft);
  const sums = new Map<string, { input: string; output: string; shape: readonly number[] }>();
  const squares: Term[] = [];
  for (const [target, name] of gradients) {
    const gradient: Term = { name, shape: shapes.get(target) ?? [], type: types.get(target) ?? 'float32' };
    const input = draft.addInput(`sum:${target}`, gradient.type, gradient.shape);
    const term = accumulation === 'squares' ? emit.mul(gradient, gradient) : gradient;
    const output = emit.add({ ...gradient, name: input }, term).name;
    sums.set(target, { input, output, shape: gradient.shape });
    if (accumulation === 'squares') {
      const axes = gradient.shape.map((_, axis) => axis);
      squares.push(emit.cast(emit.reshape(emit.reduce('ReduceSum', term, axes), [1]), 'float64'));
    }
  }
  return { sums, spread: squares.length === 0 ? null : emit.concat(squares, 0).name };
}

/** Stands for labels or targets while shapes are learnt. */
function zeros({ type, shape }: NonNullable<WithObjective['reference']>): TensorValue {
  const count = shape.reduce((product, size) => product * size, 1);
  const data =
    type === 'int64'
      ? new BigInt64Array(count)
      : type === 'float32'
        ? new Float32Array(count)
        : new Float64Array(count);
  return { type, shape, data };
}
