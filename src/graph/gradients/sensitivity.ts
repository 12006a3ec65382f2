import { quoted } from '../../format/problems';
import { success, type Result } from '../../protocol/result';
import { int } from '../attributes';
import { differentiate, type Obstacle } from '../differentiate/differentiate';
import { GraphDraft } from '../graph-draft';
import { makeGraph, titleOf, type ModelGraph } from '../model-graph';
import { refuse } from '../problems';
import { openSession, type GraphSession } from '../session';
import type { TensorValue } from '../tensor-value';
import { traceLowered } from '../lower/lower';
import type { TracedGraph } from '../trace';

/** A session that multiplies a Jacobian from the left: for weights w of `value`'s shape it gives ∂⟨w, value⟩/∂source. */
export interface SensitivitySession {
  readonly session: GraphSession;
  /** The input that w is fed to; float32. */
  readonly probe: string;
  readonly probeShape: readonly number[];
  /** The output that holds the product, in the shape of the source. */
  readonly product: string;
}

/**
 * Traces a graph for {@link openSensitivity} of some of its values, for inputs of the sizes of `feeds`. Fails as tracing does.
 */
export async function traceValues(
  graph: ModelGraph,
  feeds: ReadonlyMap<string, TensorValue>,
  values: readonly string[],
): Promise<Result<TracedGraph>> {
  // Outputs that the values do not lead to are not computed, so they must not be asked for.
  const inner = makeGraph({ ...graph, outputs: [] });
  return inner.ok ? traceLowered(inner.value, feeds, values) : inner;
}

/**
 * Makes a session for vector–Jacobian products of an inner `value` with respect to `source`, an input of the graph or
 * another inner value; `weights` are fed. Fails with `graph-objective` where the value does not depend on the source,
 * `graph-no-rule` where a node between them has no gradient, or as differentiation and sessions do.
 */
export async function openSensitivity(
  traced: TracedGraph,
  value: string,
  source: string,
  weights: ReadonlySet<string>,
): Promise<Result<SensitivitySession>> {
  const probeShape = traced.shapes.get(value) ?? [];
  const type = traced.types.get(value) ?? 'float32';
  const draft = new GraphDraft(traced.graph);
  const probe = draft.addInput('~probe', type, probeShape);
  const weighted = draft.add('Mul', [value, probe]);
  const objective = draft.add('ReduceSum', [weighted], { keepdims: int(0) });
  const whole = draft.finish();
  if (!whole.ok) return whole;
  const shapes = new Map(traced.shapes).set(probe, probeShape).set(weighted, probeShape).set(objective, []);
  const types = new Map(traced.types).set(probe, type).set(weighted, type).set(objective, type);
  const made = differentiate({ ...traced, graph: whole.value, shapes, types }, objective, [source]);
  if (!made.ok) return made;
  const product = made.value.gradients.get(source);
  if (product === undefined) return refuseProduct(traced.graph.path, value, source, made.value.obstacles[0]);
  const session = await openSession(made.value.graph, { outputs: [product], weights });
  return session.ok ? success({ session: session.value, probe, probeShape, product }) : session;
}

function refuseProduct(
  path: string,
  value: string,
  source: string,
  obstacle: Obstacle | undefined,
): Result<never> {
  const between = `${path}: ${quoted(value)} has no gradient by ${quoted(source)}:`;
  return obstacle === undefined
    ? refuse('graph-objective', path, `${between} it does not depend on it.`, value)
    : refuse(
        'graph-no-rule',
        path,
        `${between} the node ${titleOf(obstacle.node)} ${obstacle.reason}.`,
        value,
      );
}
