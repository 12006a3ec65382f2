import { cancelled, success, type Result } from '../../protocol/result';
import type { BoundWeights } from '../bind/bind-weights';
import type { ModelGraph } from '../model-graph';
import { addObjective, type Objective, type WithObjective } from '../objective/objective';
import { refuse } from '../problems';
import { openSession, type GraphSession } from '../session';
import { numbersOf, type TensorValue } from '../tensor-value';
import { traceGraph } from '../trace';
import type { Sample } from './accumulate';
import { SessionsBySize } from './sessions-by-size';

interface ObjectiveSession {
  readonly session: GraphSession;
  readonly objective: string;
  readonly reference: WithObjective['reference'];
}

/** A network that is only run forwards, for its objective, with one weights after the other. */
export class ObjectiveRuns {
  private readonly sessions = new SessionsBySize<ObjectiveSession>();

  constructor(
    private readonly graph: ModelGraph,
    private readonly objective: Objective,
  ) {}

  /**
   * Mean of the objective over samples, with these weights (the same names every time); NaN without any. Fails with
   * `graph-objective` where labels are needed and missing, `cancelled`, or as tracing and sessions do.
   */
  async mean(
    weights: BoundWeights,
    samples: Iterable<Sample> | AsyncIterable<Sample>,
    signal: AbortSignal,
  ): Promise<Result<number>> {
    let [sum, count] = [0, 0];
    for await (const sample of samples) {
      if (signal.aborted) return cancelled();
      const opened = await this.sessions.for(sample.inputs, () =>
        openObjective(this.graph, this.objective, weights, sample.inputs),
      );
      if (!opened.ok) return opened;
      const { session, objective, reference } = opened.value;
      const feeds = new Map([...weights, ...sample.inputs]);
      if (reference !== null) {
        if (sample.reference === undefined) {
          const message = `${this.graph.path}: the objective ${this.objective.kind} needs labels, and the data have none.`;
          return refuse('graph-objective', this.graph.path, message);
        }
        feeds.set(reference.name, sample.reference);
      }
      const ran = await session.run(feeds, { signal });
      if (!ran.ok) return ran;
      const value = ran.value.get(objective);
      sum += value === undefined ? NaN : (numbersOf(value)[0] ?? NaN);
      count += sample.count;
      // Lets messages in, and with them the request to cancel.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return success(sum / count);
  }

  /** Gives the runtime's memory back. */
  release(): Promise<void> {
    return this.sessions.release();
  }
}

async function openObjective(
  graph: ModelGraph,
  objective: Objective,
  weights: BoundWeights,
  inputs: ReadonlyMap<string, TensorValue>,
): Promise<Result<ObjectiveSession>> {
  const traced = await traceGraph(graph, new Map([...weights, ...inputs]), [objective.output]);
  if (!traced.ok) return traced;
  const added = addObjective(traced.value, objective);
  if (!added.ok) return added;
  const session = await openSession(added.value.graph, {
    outputs: [added.value.objective],
    weights: new Set(weights.keys()),
  });
  if (!session.ok) return session;
  const { objective: name, reference } = added.value;
  return success({ session: session.value, objective: name, reference });
}
