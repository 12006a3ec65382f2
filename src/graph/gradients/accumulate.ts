import { cancelled, success, type Result } from '../../protocol/result';
import type { BoundWeights } from '../bind/bind-weights';
import type { Obstacle } from '../differentiate/differentiate';
import type { ModelGraph } from '../model-graph';
import type { Objective } from '../objective/objective';
import { refuse } from '../problems';
import { emptyArray, numbersOf, type TensorValue } from '../tensor-value';
import { openGradientSession, type Accumulation, type GradientSession } from './gradient-graph';
import { SessionsBySize } from './sessions-by-size';
import { learnedWeights } from './targets';

/** One run's data: a sample for per-sample quantities, a batch for mean gradients. */
export interface Sample {
  /** By graph input; the first axis is the batch. */
  readonly inputs: ReadonlyMap<string, TensorValue>;
  /** Labels, targets or the other binding's logits, where the objective takes any. */
  readonly reference?: TensorValue;
  /** Samples in it. */
  readonly count: number;
}

/** Where an accumulation stands. */
export interface AccumulationState {
  /** Samples so far. */
  readonly samples: number;
  /** Sum of the objective. */
  readonly objective: number;
  /** Standard error of the mean over samples of `Σ g²` over all targets, relative to it; `null` before the second run. */
  readonly relativeError: number | null;
}

export interface Accumulated extends AccumulationState {
  /** Mean over samples, by target (initializer): of gradients or of their squares, float64. */
  readonly means: ReadonlyMap<string, Float64Array>;
  /** Standard error of the mean of `Σ g²` within each target, over runs; only with squares. */
  readonly standardErrors: ReadonlyMap<string, number>;
  readonly unconnected: readonly string[];
  readonly obstacles: readonly Obstacle[];
  /** False where it was stopped before the last sample. */
  readonly complete: boolean;
}

export interface AccumulateOptions {
  readonly objective: Objective;
  /** Weights to differentiate for; all bound ones that training learns unless given. */
  readonly targets?: readonly string[];
  /** `squares`: every sample must be a run of its own (the diagonal of the empirical Fisher). */
  readonly accumulation: Accumulation;
  readonly signal?: AbortSignal;
  /** Called after every run, with the way to what there is so far (a copy of the sums); `false` ends early and keeps what there is (a chosen precision is reached). */
  readonly onRun?: (state: AccumulationState, soFar: () => Accumulated) => boolean | undefined;
}

/**
 * Float32 sums inside the graph are moved into float64 after so many runs: 256 additions are off by 2⁻²⁴ · 256 = 1.5e-5 of the
 * sum of sizes at most. Up to there float64 sums, twice as large, are not needed.
 */
const RUNS_PER_FLUSH = 256;

/**
 * Runs the samples one after the other and gives the mean over them of gradients, or of squares of per-sample gradients
 * (never the square of a batch's). Streaming: memory for the weights, two sums and one gradient. Samples of different sizes get
 * sessions of their own. Fails with `graph-objective` where a per-sample quantity is asked of a batch, `cancelled`, or as
 * sessions do.
 */
export async function accumulate(
  graph: ModelGraph,
  weights: BoundWeights,
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  options: AccumulateOptions,
): Promise<Result<Accumulated>> {
  const targets = options.targets ?? learnedWeights(graph, weights.keys());
  const running = new RunningSums(graph, weights, targets, options);
  let complete = true;
  try {
    for await (const sample of samples) {
      if (options.signal?.aborted === true) return cancelled();
      if (options.accumulation === 'squares' && sample.count !== 1) {
        const message = `${graph.path}: squares of per-sample gradients need one sample a run, and ${String(sample.count)} were given.`;
        return refuse('graph-objective', graph.path, message);
      }
      const ran = await running.add(sample);
      if (!ran.ok) return ran;
      // Lets messages in, and with them the request to cancel.
      await new Promise((resolve) => setImmediate(resolve));
      if (options.onRun?.(running.state(), () => running.soFar()) === false) {
        complete = false;
        break;
      }
    }
    // What the sessions hold would stand beside the means else.
    await running.release();
    return success(running.finish(complete));
  } finally {
    await running.release();
  }
}

/** Mean and variance of numbers that come one by one (Welford 1962). */
class RunningMean {
  count = 0;
  mean = 0;
  private deviations = 0;

  add(value: number): void {
    this.count++;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.deviations += before * (value - this.mean);
  }

  /** Standard error of the mean; `null` before the second number. */
  standardError(): number | null {
    return this.count < 2 ? null : Math.sqrt(this.deviations / (this.count - 1) / this.count);
  }
}

class RunningSums {
  private readonly sessions = new SessionsBySize<GradientSession>();
  /** Sums of the last runs, which the graph adds to. */
  private readonly inside = new Map<string, TensorValue>();
  private readonly sums = new Map<string, Float64Array>();
  private readonly totals = new Map<string, RunningMean>();
  private readonly all = new RunningMean();
  private samples = 0;
  private objective = 0;
  private unflushed = 0;
  private unconnected: readonly string[] = [];
  private obstacles: readonly Obstacle[] = [];

  constructor(
    private readonly graph: ModelGraph,
    private readonly weights: BoundWeights,
    private readonly targets: readonly string[],
    private readonly options: AccumulateOptions,
  ) {}

  async add(sample: Sample): Promise<Result<null>> {
    const opened = await this.sessionFor(sample);
    if (!opened.ok) return opened;
    const { session, reference, sums, spread, objective } = opened.value;
    const feeds = new Map([...this.weights, ...sample.inputs]);
    if (reference !== null) {
      if (sample.reference === undefined) {
        const message = `${this.graph.path}: the objective ${this.options.objective.kind} needs labels, and the data have none.`;
        return refuse('graph-objective', this.graph.path, message);
      }
      feeds.set(reference.name, sample.reference);
    }
    const into = new Map<string, TensorValue>();
    for (const [target, { input, output, shape }] of sums) {
      const place = this.place(target, shape);
      feeds.set(input, place);
      into.set(output, place);
    }
    const { signal } = this.options;
    const ran = await session.run(feeds, signal === undefined ? { into } : { into, signal });
    if (!ran.ok) return ran;
    const value = ran.value.get(objective);
    this.objective += value === undefined ? NaN : (numbersOf(value)[0] ?? NaN);
    this.samples += sample.count;
    const squares = spread === null ? undefined : ran.value.get(spread);
    if (squares !== undefined) this.noteSpread([...sums.keys()], numbersOf(squares));
    if (++this.unflushed >= RUNS_PER_FLUSH) this.flush();
    return success(null);
  }

  state(): AccumulationState {
    const error = this.all.standardError();
    const relativeError = error === null || this.all.mean === 0 ? null : error / this.all.mean;
    return { samples: this.samples, objective: this.objective, relativeError };
  }

  /** Takes the sums: large models have no room for both them and the means. */
  finish(complete: boolean): Accumulated {
    const means = new Map<string, Float64Array>();
    for (const [target, { data }] of this.inside) {
      const mean = this.sums.get(target) ?? new Float64Array(data.length);
      add(mean, data);
      divide(mean, this.samples);
      means.set(target, mean);
      this.inside.delete(target);
    }
    return this.accumulated(means, complete);
  }

  /** As {@link finish}, of what there is before the end; a copy. */
  soFar(): Accumulated {
    const means = new Map<string, Float64Array>();
    for (const [target, { data }] of this.inside) {
      const mean = this.sums.get(target)?.slice() ?? new Float64Array(data.length);
      add(mean, data);
      divide(mean, this.samples);
      means.set(target, mean);
    }
    return this.accumulated(means, false);
  }

  private accumulated(means: ReadonlyMap<string, Float64Array>, complete: boolean): Accumulated {
    const standardErrors = new Map<string, number>();
    for (const [target, running] of this.totals) {
      const error = running.standardError();
      if (error !== null) standardErrors.set(target, error);
    }
    const { unconnected, obstacles } = this;
    return { ...this.state(), means, standardErrors, unconnected, obstacles, complete };
  }

  release(): Promise<void> {
    return this.sessions.release();
  }

  private async sessionFor({ inputs }: Sample): Promise<Result<GradientSession>> {
    const { objective, accumulation } = this.options;
    const opened = await this.sessions.for(inputs, () => {
      const feeds = new Map([...this.weights, ...inputs]);
      return openGradientSession(this.graph, feeds, objective, this.targets, accumulation);
    });
    if (!opened.ok) return opened;
    this.unconnected = opened.value.unconnected;
    this.obstacles = opened.value.obstacles;
    return opened;
  }

  private place(target: string, shape: readonly number[]): TensorValue {
    const known = this.inside.get(target);
    if (known !== undefined) return known;
    const count = shape.reduce((product, size) => product * size, 1);
    const type = this.weights.get(target)?.type ?? 'float32';
    const made = { type, shape, data: emptyArray(type, count) };
    this.inside.set(target, made);
    return made;
  }

  /** Takes in `Σ g²` of the last sample, per target and over all. */
  private noteSpread(targets: readonly string[], squares: ArrayLike<number>): void {
    let whole = 0;
    targets.forEach((target, at) => {
      const own = squares[at] ?? NaN;
      const known = this.totals.get(target) ?? new RunningMean();
      this.totals.set(target, known);
      known.add(own);
      whole += own;
    });
    this.all.add(whole);
  }

  private flush(): void {
    this.unflushed = 0;
    for (const [target, { data }] of this.inside) {
      const sum = this.sums.get(target) ?? new Float64Array(data.length);
      this.sums.set(target, sum);
      add(sum, data);
      if (data instanceof Float32Array || data instanceof Float64Array) data.fill(0);
    }
  }
}

function add(sum: Float64Array, values: TensorValue['data']): void {
  if (values instanceof Float32Array) addSingles(sum, values);
  else if (values instanceof Float64Array) addDoubles(sum, values);
}

// Two functions, as loops over one kind of array are compiled to a tenth of the time.
function addSingles(sum: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
}

function addDoubles(sum: Float64Array, values: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
}

function divide(values: Float64Array, by: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / by;
}
