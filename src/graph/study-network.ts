import { quoted } from '../format/problems';
import type { Study } from '../model/study';
import type { TaskVector } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import { failure, success, type Result } from '../protocol/result';
import type { DataSpec } from '../protocol/study';
import { bindWeights, type BoundWeights } from './bind/bind-weights';
import { checkpointSource, combinationSource } from './bind/weight-source';
import type { DataArray, DataSet } from './data/data-set';
import { openData } from './data/registry';
import { openNetwork, type Network, type Samples } from './network';
import { readModel } from './onnx/read-model';
import type { OnnxModel } from './onnx/types';
import { sampleIndices } from './sample-indices';
import type { TensorValue } from './tensor-value';

/** The samples of a study that a lens looks at. */
export interface SampleChoice {
  /** At most so many of a data set. */
  readonly samples: number;
  readonly seed: number;
}

/** Chosen samples of one data set, with labels where it has any. */
export interface StudySamples extends Samples {
  /** The chosen samples, ascending. */
  readonly indices: readonly number[];
  /** Samples in the data set. */
  readonly of: number;
  /** `null` where the data set has no labels. */
  labels(first: number, count: number): Promise<Result<TensorValue | null>>;
}

/** A study whose network runs. */
export interface StudyNetwork {
  readonly network: Network;
  /** What is odd: weights of the graph that are no tensor of the base. */
  readonly findings: readonly Finding[];
  /** Samples of the data set that has the name of the task; of the first one for the base, and where none has it. */
  samplesOf(task: TaskVector | null): Promise<Result<StudySamples>>;
  /** Weights of the base, or of the base with a task vector on it. */
  weightsOf(task: TaskVector | null, signal: AbortSignal): Promise<Result<BoundWeights>>;
}

/**
 * Opens graph and data of a study: which weight is which tensor of the base, where its layers are, which samples are
 * looked at. Fails with `study-needs-graph`, `study-needs-data`, `lens-needs-base`, `data-input-missing`, or as reading
 * the graph and the data does.
 */
export async function openStudyNetwork(study: Study, choice: SampleChoice): Promise<Result<StudyNetwork>> {
  const { spec, base } = study;
  const given = checkSpec(study);
  if (!given.ok) return given;
  const { graph: path, data: sets } = given.value;
  if (base === null) {
    return failure({
      code: 'lens-needs-base',
      message: `The graph of "${spec.name}" needs the weights of a base, and the study has none.`,
      action: 'Choose the base: "Deltalens: Select as Base", or --base on the command line.',
    });
  }
  const model = await readModel(path);
  if (!model.ok) return model;
  const opened = new Map<string, StudySamples>();
  const samplesOf = async (task: TaskVector | null): Promise<Result<StudySamples>> => {
    const set = sets.find(({ name }) => name === task?.name) ?? sets[0];
    const known = opened.get(set.name);
    if (known) return success(known);
    const samples = await openSamples(set, model.value, choice);
    if (samples.ok) opened.set(set.name, samples.value);
    return samples;
  };
  const first = await samplesOf(study.tasks[0] ?? null);
  if (!first.ok) return first;
  const network = await openNetwork(model.value, base, first.value);
  if (!network.ok) return network;
  const { map } = network.value;
  return success({
    network: network.value,
    findings: map.findings,
    samplesOf,
    weightsOf: (task, signal) => {
      const source =
        task === null ? checkpointSource(base) : combinationSource(base, [{ task, coefficient: 1 }]);
      return bindWeights(map, source, signal);
    },
  });
}

interface GraphAndData {
  readonly graph: string;
  readonly data: readonly [DataSpec, ...DataSpec[]];
}

function checkSpec({ spec }: Study): Result<GraphAndData> {
  const { graph, data: [first, ...others] = [] } = spec;
  if (graph === undefined) {
    return failure({
      code: 'study-needs-graph',
      message: `The study "${spec.name}" has no graph, and this lens runs the network.`,
      action:
        'Export the base as ONNX (optimum-cli export onnx --model BASE FOLDER, or torch.onnx.export), and name the file: "graph:" in the study, or --graph on the command line.',
    });
  }
  if (first === undefined) {
    return failure({
      code: 'study-needs-data',
      message: `The study "${spec.name}" has no data, and this lens runs the network on samples.`,
      action:
        'Name a file with the inputs of the graph (.npz, .npy, .safetensors, .jsonl): "data:" in the study, or --data on the command line.',
    });
  }
  return success({ graph, data: [first, ...others] });
}

/** Names of labels, in the order in which they are looked for. */
const LABELS = ['labels', 'label', 'targets', 'target', 'y'];

async function openSamples(
  { name, path }: DataSpec,
  model: OnnxModel,
  { samples, seed }: SampleChoice,
): Promise<Result<StudySamples>> {
  const set = await openData(path);
  if (!set.ok) return set;
  const initializers = new Set(model.graph.initializers.map((tensor) => tensor.name));
  const inputs = model.graph.inputs
    .filter((input) => !initializers.has(input.name))
    .map((input) => input.name);
  const arrays = inputs.map((input) => set.value.arrays.find((array) => array.name === input));
  const missing = inputs.filter((_, at) => arrays[at] === undefined);
  if (missing.length > 0) return refuseInputs(set.value, missing);
  const total = Math.min(...arrays.map((array) => (array ? countOf(array) : 0)));
  const indices = sampleIndices(total, samples, seed);
  const label = LABELS.find((each) => set.value.arrays.some((array) => array.name === each));
  return success({
    name,
    indices,
    count: indices.length,
    of: total,
    feeds: (from, count) => set.value.rows(inputs, indices.slice(from, from + count)),
    labels: async (from, count) => {
      if (label === undefined) return success(null);
      const rows = await set.value.rows([label], indices.slice(from, from + count));
      return rows.ok ? success(rows.value.get(label) ?? null) : rows;
    },
  });
}

function countOf({ shape }: DataArray): number {
  return shape[0] ?? Infinity;
}

function refuseInputs({ path, arrays }: DataSet, missing: readonly string[]): Result<never> {
  return failure({
    code: 'data-input-missing',
    message: `${path} has no array ${missing.map(quoted).join(', ')}, which the graph takes; it has ${arrays.map((array) => quoted(array.name)).join(', ')}.`,
    action: 'Name the arrays of the file as the inputs of the graph.',
    path,
  });
}
