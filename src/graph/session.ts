import { cancelled, success, type Result } from '../protocol/result';
import { quoted } from '../format/problems';
import { needsOf, nodesFor, type ModelGraph } from './model-graph';
import { loadTensor } from './onnx/tensor-values';
import type { OnnxTensor, ValueInfo } from '../format/onnx/types';
import { writeModel } from './onnx/write-model';
import { refuse } from './problems';
import { loadRuntime } from './runtime';
import { crossesBorder, fromRuntime, tensorOverBytes, toRuntime, type TensorValue } from './tensor-value';

/** How a session is made of a graph. */
export interface SessionOptions {
  /** Values to be had from a run: outputs of the graph or inner ones. */
  readonly outputs: readonly string[];
  /** Initializers that are fed with every run, so that one session serves the base and every fine-tune. */
  readonly weights?: ReadonlySet<string>;
  /**
   * `false` computes node by node as written: sessions that run once are made faster so. `constants` works out only what
   * depends on constants and on the shapes of the inputs, so that more of {@link GraphSession.shapes} is known.
   */
  readonly optimise?: boolean | 'constants';
  /**
   * `false` takes memory as it goes instead of in one block laid out in the first run: where most values live shortly, as in a
   * backward pass, the peak is a third lower, and no run is slower.
   */
  readonly planMemory?: boolean;
}

/** A graph that is ready to run. */
export interface GraphSession {
  /** Names that have to be fed: inputs of the graph and weights. */
  readonly feeds: readonly ValueInfo[];
  readonly outputs: readonly string[];
  /** Element types of the outputs, as the runtime inferred them; missing for what is no tensor. */
  readonly types: ReadonlyMap<string, TensorValue['type']>;
  /** Shapes of outputs that the runtime inferred whole; a value of unknown rank stands as `[]`, as a single number does. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /**
   * Runs once. Blocks this thread: keep what one run does below a second, and cancel between runs. Arrays in `into` are
   * filled with the outputs of their names instead of new ones. Fails with `graph-input-missing`, `graph-input-type`,
   * `graph-run`, or `cancelled` where the signal says so before it begins.
   */
  run(
    feeds: ReadonlyMap<string, TensorValue>,
    options?: {
      readonly fetch?: readonly string[];
      readonly into?: ReadonlyMap<string, TensorValue>;
      readonly signal?: AbortSignal;
    },
  ): Promise<Result<ReadonlyMap<string, TensorValue>>>;
  /** Gives the runtime's memory back. */
  release(): Promise<void>;
}

/** Initializers larger than this are fed rather than written into the model's bytes. */
const MOST_INNER_BYTES = 2 ** 20;

/**
 * Makes a session that computes `outputs`, of the nodes they depend on only. Initializers among `weights` become inputs;
 * others keep the values of the file. Only for the main thread of the compute process (see `runtime.ts`). Fails with
 * `graph-output-missing`, `graph-run` (the runtime refuses an operator), or as loading values or the runtime does.
 */
export async function openSession(graph: ModelGraph, options: SessionOptions): Promise<Result<GraphSession>> {
  const { path } = graph;
  const runtime = await loadRuntime();
  if (!runtime.ok) return runtime;
  const planned = await planSession(graph, options);
  if (!planned.ok) return planned;
  const { bytes, feeds, own } = planned.value;
  const { api } = runtime.value;
  try {
    const session = await api.InferenceSession.create(bytes, {
      graphOptimizationLevel: levelOf(options.optimise),
      enableMemPattern: options.planMemory ?? true,
      logSeverityLevel: 4,
    });
    const types = new Map<string, TensorValue['type']>();
    const shapes = new Map<string, readonly number[]>();
    for (const metadata of session.outputMetadata) {
      if (!metadata.isTensor) continue;
      types.set(metadata.name, metadata.type);
      const sizes = metadata.shape.flatMap((size) => (typeof size === 'number' && size >= 0 ? [size] : []));
      if (sizes.length === metadata.shape.length) shapes.set(metadata.name, sizes);
    }
    return success({
      feeds,
      outputs: options.outputs,
      types,
      shapes,
      run: async (given, { fetch = options.outputs, into, signal } = {}) => {
        if (signal?.aborted === true) return cancelled();
        const inputs: Record<string, InstanceType<typeof api.Tensor>> = {};
        for (const info of feeds) {
          const value = given.get(info.name) ?? own.get(info.name);
          const checked = checkFeed(info, value, path);
          if (!checked.ok) return checked;
          inputs[info.name] = toRuntime(api, checked.value);
        }
        const fetches: Record<string, InstanceType<typeof api.Tensor> | null> = {};
        for (const name of fetch) {
          const place = into?.get(name);
          fetches[name] = place === undefined ? null : toRuntime(api, place);
        }
        try {
          const results = await session.run(inputs, fetches);
          return success(
            new Map(Object.entries(results).map(([name, tensor]) => [name, fromRuntime(tensor)])),
          );
        } catch (error) {
          return refuseRun(path, error);
        }
      },
      release: () => session.release(),
    });
  } catch (error) {
    return refuseRun(path, error);
  }
}

function levelOf(optimise: SessionOptions['optimise']): 'disabled' | 'basic' | 'all' {
  if (optimise === 'constants') return 'basic';
  return optimise === false ? 'disabled' : 'all';
}

/** The model's bytes, what has to be fed, and the values that are fed where a caller gives none. */
interface SessionPlan {
  readonly bytes: Uint8Array;
  readonly feeds: readonly ValueInfo[];
  readonly own: ReadonlyMap<string, TensorValue>;
}

async function planSession(graph: ModelGraph, options: SessionOptions): Promise<Result<SessionPlan>> {
  const { path } = graph;
  const nodes = nodesFor(graph, options.outputs);
  const used = new Set([...nodes.flatMap(needsOf), ...options.outputs]);
  const feeds = graph.inputs.filter(({ name }) => used.has(name));
  const inner: OnnxTensor[] = [];
  const own = new Map<string, TensorValue>();
  for (const name of options.outputs) {
    if (graph.producers.has(name) || graph.initializers.has(name) || feeds.some((info) => info.name === name))
      continue;
    return refuse('graph-output-missing', path, `${path} has no value ${quoted(name)}.`, name);
  }
  for (const [name, tensor] of graph.initializers) {
    if (!used.has(name)) continue;
    const fed = options.weights?.has(name) === true;
    const large = tensor.count * 4 > MOST_INNER_BYTES && crossesBorder(tensor.type);
    if (fed || large) feeds.push({ name, type: tensor.type, shape: tensor.shape });
    if (fed) continue;
    const loaded = await loadTensor(tensor);
    if (!loaded.ok) return loaded;
    const { data } = loaded.value;
    if (!large) inner.push({ ...loaded.value, name });
    else if (data.kind === 'memory') own.set(name, tensorOverBytes(tensor.type, tensor.shape, data.bytes));
  }
  const declared = new Map(graph.outputs.map((info) => [info.name, info]));
  const written = writeModel({
    path,
    irVersion: graph.irVersion,
    producer: '',
    opsets: graph.opsets,
    functions: [],
    graph: {
      name: 'graph',
      nodes,
      initializers: inner,
      inputs: feeds,
      outputs: options.outputs.map((name) => ({ name, type: declared.get(name)?.type ?? null, shape: null })),
    },
  });
  return written.ok ? success({ bytes: written.value, feeds, own }) : written;
}

/** What is given for an input, if it is of the type and shape that the graph takes. Fails with `graph-input-missing` or `graph-input-type`. */
export function checkFeed(
  info: ValueInfo,
  value: TensorValue | undefined,
  path: string,
): Result<TensorValue> {
  const { name, type, shape } = info;
  if (value === undefined) {
    return refuse(
      'graph-input-missing',
      path,
      `${path}: nothing was given for the input ${quoted(name)}.`,
      name,
    );
  }
  const sizes = shape?.map((size, i) => (typeof size === 'number' ? size : (value.shape[i] ?? -1)));
  const fits = sizes === undefined || sizes.join() === value.shape.join();
  if (fits && (type === null || type === value.type)) return success(value);
  const wanted = `${type ?? 'any type'} [${(shape ?? []).map((size) => String(size ?? '?')).join(', ')}]`;
  const found = `${value.type} [${value.shape.join(', ')}]`;
  const message = `${path}: the input ${quoted(name)} takes ${wanted}, and ${found} was given.`;
  return refuse('graph-input-type', path, message, name);
}

function refuseRun(path: string, error: unknown): Result<never> {
  const reason = error instanceof Error ? error.message : String(error);
  return refuse('graph-run', path, `${path}: the runtime says: ${reason}`);
}
