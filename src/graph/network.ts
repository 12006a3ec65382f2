import type { Checkpoint } from '../format/checkpoint';
import { cancelled, success, type Result } from '../protocol/result';
import type { BoundWeights } from './bind/bind-weights';
import { matchWeights } from './bind/match-weights';
import type { WeightMap } from './bind/weight-map';
import { layerValues, type LayerValues } from './layer-values';
import type { OnnxModel } from '../format/onnx/types';
import { prepareGraph } from './prepare-graph';
import { refuse } from './problems';
import { openSession, type GraphSession } from './session';
import type { TensorValue } from './tensor-value';
import { traceGraph } from './trace';

/** Samples of a data set, in an order that is fixed. */
export interface Samples {
  readonly name: string;
  readonly count: number;
  /** So many samples every run must have; `null` where the graph takes any number. */
  readonly batch: number | null;
  /** Inputs of a graph for `count` samples from `first` on, the batch being their first axis. */
  feeds(first: number, count: number): Promise<Result<ReadonlyMap<string, TensorValue>>>;
}

/** A graph whose weights are known to be tensors of a checkpoint, with its layers. */
export interface Network {
  readonly map: WeightMap;
  readonly layers: readonly LayerValues[];
}

/**
 * Reads a model as the network of `base`: which weight is which tensor, and where each layer begins and ends. Runs the
 * graph once, on the first sample. Fails with `graph-other-network`, or as preparing, matching and tracing
 * the graph do.
 */
export async function openNetwork(
  model: OnnxModel,
  base: Checkpoint,
  samples: Samples,
): Promise<Result<Network>> {
  const prepared = prepareGraph(model);
  if (!prepared.ok) return prepared;
  const map = await matchWeights(prepared.value, base);
  if (!map.ok) return map;
  const { graph, placements } = map.value;
  if (placements.length === 0) {
    const message = `No weight of ${graph.path} is a tensor of ${base.path}: neither names nor values agree.`;
    return refuse('graph-other-network', graph.path, message);
  }
  const feeds = await samples.feeds(0, samples.batch ?? 1);
  if (!feeds.ok) return feeds;
  const traced = await traceGraph(
    graph,
    feeds.value,
    graph.outputs.map(({ name }) => name),
  );
  if (!traced.ok) return traced;
  return success({ map: map.value, layers: layerValues(map.value, traced.value.types) });
}

/** Bytes of activations that one run may give: runs stay short and memory small. */
const MOST_OUTPUT_BYTES = 2 ** 24;
/** Samples of the first run, whose outputs tell how large those of others will be. */
const FIRST_BATCH = 2;
const LARGEST_BATCH = 64;

/** What a run over samples needs beside the network. */
export interface ActivationOptions {
  /** Values of the graph to be had; the same may be named twice. */
  readonly values: readonly string[];
  readonly weights: BoundWeights;
  readonly samples: Samples;
  /** So many samples from the first on. */
  readonly count: number;
  readonly signal: AbortSignal;
  /** Called after every batch with the share that is done. */
  readonly progress?: (share: number) => void;
}

/**
 * Runs a network over samples with the given weights and hands the values of every batch to `take`, in the order of the
 * samples, for as long as it answers `true`. Fails with `cancelled`, or as the session and the samples do.
 */
export async function readActivations(
  { map }: Network,
  options: ActivationOptions,
  take: (batch: ReadonlyMap<string, TensorValue>, first: number, count: number) => boolean,
): Promise<Result<null>> {
  const opened = await openSession(map.graph, {
    outputs: [...new Set(options.values)],
    weights: new Set(map.placements.map(({ initializer }) => initializer)),
  });
  if (!opened.ok) return opened;
  try {
    return await runBatches(opened.value, options, take);
  } finally {
    await opened.value.release();
  }
}

async function runBatches(
  session: GraphSession,
  { weights, samples, count, signal, progress }: ActivationOptions,
  take: (batch: ReadonlyMap<string, TensorValue>, first: number, count: number) => boolean,
): Promise<Result<null>> {
  let size = Math.min(FIRST_BATCH, count);
  for (let first = 0; first < count;) {
    const own = samples.batch ?? Math.min(size, count - first);
    const feeds = await samples.feeds(first, own);
    if (!feeds.ok) return feeds;
    const run = await session.run(new Map([...weights, ...feeds.value]), { signal });
    if (!run.ok) return run;
    if (!take(run.value, first, own)) break;
    first += own;
    progress?.(first / count);
    const bytes = [...run.value.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    size = Math.max(1, Math.min(LARGEST_BATCH, Math.floor((MOST_OUTPUT_BYTES * own) / bytes)));
    // The runtime blocks the thread while it runs: cancellations are heard of in between.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) return cancelled();
  }
  return success(null);
}
