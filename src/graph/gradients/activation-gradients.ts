import { cancelled, success, type Result } from '../../protocol/result';
import type { BoundWeights } from '../bind/bind-weights';
import { differentiate } from '../differentiate/differentiate';
import type { ModelGraph } from '../model-graph';
import { addObjective, type Objective, type WithObjective } from '../objective/objective';
import { refuse } from '../problems';
import { openSession, type GraphSession } from '../session';
import { emptyArray, type TensorValue } from '../tensor-value';
import { traceLowered } from '../lower/lower';
import { traceGraph } from '../trace';
import type { Sample } from './accumulate';

interface ActivationSession {
  readonly session: GraphSession;
  readonly reference: WithObjective['reference'];
  /** The output that is the gradient of each value. */
  readonly gradients: ReadonlyMap<string, string>;
}

/** What to differentiate, and for what. */
export interface ActivationGradientRequest {
  readonly weights: BoundWeights;
  /** Inner values of the graph. */
  readonly values: readonly string[];
  readonly objective: Objective;
  readonly signal: AbortSignal;
}

/**
 * Hands over ∂objective/∂value of every run, in the shapes of the values, in the order of the samples. Values that the
 * objective does not depend on, or whose gradient has to pass an operator without a rule, are missing. Fails with
 * `graph-objective` where labels are needed and missing, `cancelled`, or as tracing, differentiation and sessions do.
 */
export async function readActivationGradients(
  graph: ModelGraph,
  request: ActivationGradientRequest,
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  take: (gradients: ReadonlyMap<string, TensorValue>, count: number) => void,
): Promise<Result<null>> {
  // At most one: sizes change once, for the rest after the last whole run.
  const open = new Map<string, ActivationSession>();
  try {
    for await (const sample of samples) {
      if (request.signal.aborted) return cancelled();
      const key = [...sample.inputs].map(([name, { shape }]) => `${name}[${shape.join()}]`).join();
      const own = await sessionFor(open, key, graph, request, sample.inputs);
      if (!own.ok) return own;
      const ran = await runOnce(graph, own.value, request, sample);
      if (!ran.ok) return ran;
      take(ran.value, sample.count);
      // Lets messages in, and with them the request to cancel.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return success(null);
  } finally {
    for (const { session } of open.values()) await session.release();
  }
}

async function sessionFor(
  open: Map<string, ActivationSession>,
  key: string,
  graph: ModelGraph,
  request: ActivationGradientRequest,
  inputs: ReadonlyMap<string, TensorValue>,
): Promise<Result<ActivationSession>> {
  const known = open.get(key);
  if (known !== undefined) return success(known);
  for (const { session } of open.values()) await session.release();
  open.clear();
  const opened = await openActivationSession(graph, request, inputs);
  if (opened.ok) open.set(key, opened.value);
  return opened;
}

async function runOnce(
  graph: ModelGraph,
  { session, reference, gradients }: ActivationSession,
  { weights, objective, signal }: ActivationGradientRequest,
  sample: Sample,
): Promise<Result<ReadonlyMap<string, TensorValue>>> {
  const feeds = new Map([...weights, ...sample.inputs]);
  if (reference !== null) {
    if (sample.reference === undefined) {
      const message = `${graph.path}: the objective ${objective.kind} needs labels, and the data have none.`;
      return refuse('graph-objective', graph.path, message);
    }
    feeds.set(reference.name, sample.reference);
  }
  const ran = await session.run(feeds, { signal });
  if (!ran.ok) return ran;
  const found = new Map<string, TensorValue>();
  for (const [value, output] of gradients) {
    const gradient = ran.value.get(output);
    if (gradient !== undefined) found.set(value, gradient);
  }
  return success(found);
}

async function openActivationSession(
  graph: ModelGraph,
  { weights, values, objective }: ActivationGradientRequest,
  inputs: ReadonlyMap<string, TensorValue>,
): Promise<Result<ActivationSession>> {
  const feeds = new Map([...weights, ...inputs]);
  const forward = await traceGraph(graph, feeds, [objective.output]);
  if (!forward.ok) return forward;
  const added = addObjective(forward.value, objective);
  if (!added.ok) return added;
  const { reference } = added.value;
  if (reference !== null) {
    const { name, type, shape } = reference;
    const count = shape.reduce((product, size) => product * size, 1);
    feeds.set(name, { type, shape, data: emptyArray(type, count) });
  }
  const traced = await traceLowered(added.value.graph, feeds, [added.value.objective]);
  if (!traced.ok) return traced;
  const known = values.filter((value) => traced.value.shapes.has(value));
  const made = differentiate(traced.value, added.value.objective, known);
  if (!made.ok) return made;
  const { gradients } = made.value;
  const session = await openSession(made.value.graph, {
    outputs: [...new Set(gradients.values())],
    weights: new Set(weights.keys()),
    planMemory: false,
  });
  return session.ok ? success({ session: session.value, reference, gradients }) : session;
}
