import { dirname } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import type { Study } from '../model/study';
import { deltaBytes, type TaskVector } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import { failure, success, type Result } from '../protocol/result';
import type { DataSpec } from '../protocol/study';
import { bindWeights, type BoundWeights } from './bind/bind-weights';
import { checkpointSource, combinationSource, type Term } from './bind/weight-source';
import { openNetwork, type Network } from './network';
import { readModel } from '../format/onnx/read-model';
import { openSamples, type SampleChoice, type StudySamples } from './study-samples';

/** A study whose network runs. */
export interface StudyNetwork {
  readonly network: Network;
  /** What is odd: weights of the graph that are no tensor of the base. */
  readonly findings: readonly Finding[];
  /** Samples of the data set that has the name of the task; of the first one for the base, and where none has it. */
  samplesOf(task: TaskVector | null): Promise<Result<StudySamples>>;
  /** Names of the data sets of the study, in its order. */
  readonly dataSets: readonly string[];
  /** Samples of the data set of that name; of the first one where none has it. */
  samplesNamed(name: string): Promise<Result<StudySamples>>;
  /** Weights of the base, or of the base with a task vector on it. */
  weightsOf(task: TaskVector | null, signal: AbortSignal): Promise<Result<BoundWeights>>;
  /** Weights of the base with task vectors on it, `θ₀ + Σ λ τ`; of the base where there are no terms. */
  weightsWith(terms: readonly Term[], signal: AbortSignal): Promise<Result<BoundWeights>>;
  /** Bytes of weights that were read so far. */
  bytesRead(): number;
}

/**
 * Opens graph and data of a study: which weight is which tensor of the base, where its layers are, which samples are
 * looked at. Fails with `study-needs-graph`, `study-needs-data`, `lens-needs-base`, or as reading
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
  const samplesNamed = async (wanted: string | undefined): Promise<Result<StudySamples>> => {
    const set = sets.find(({ name }) => name === wanted) ?? sets[0];
    const known = opened.get(set.name);
    if (known) return success(known);
    const samples = await openSamples(set, model.value, choice, foldersOf(path, base));
    if (samples.ok) opened.set(set.name, samples.value);
    return samples;
  };
  const first = await samplesNamed(study.tasks[0]?.name);
  if (!first.ok) return first;
  const network = await openNetwork(model.value, base, first.value);
  if (!network.ok) return network;
  const { map } = network.value;
  let bytesRead = 0;
  const weightsWith = (terms: readonly Term[], signal: AbortSignal): Promise<Result<BoundWeights>> => {
    const source = terms.length === 0 ? checkpointSource(base) : combinationSource(base, terms);
    const tensors = map.placements.map(({ tensor }) => tensor);
    bytesRead += bytesOf(
      base,
      terms.map(({ task }) => task),
      tensors,
    );
    return bindWeights(map, source, signal);
  };
  return success({
    network: network.value,
    findings: [...map.findings, ...first.value.findings],
    samplesOf: (task) => samplesNamed(task?.name),
    dataSets: sets.map(({ name }) => name),
    samplesNamed,
    weightsOf: (task, signal) => weightsWith(task === null ? [] : [{ task, coefficient: 1 }], signal),
    weightsWith,
    bytesRead: () => bytesRead,
  });
}

/** Bytes of these tensors of the base, and of what tasks have of them. */
function bytesOf(base: Checkpoint, tasks: readonly TaskVector[], tensors: readonly string[]): number {
  const spans = new Map(base.tensors.map(({ name, span }) => [name, span.bytes]));
  return tensors.reduce((sum, name) => {
    const own = tasks.reduce((bytes, { deltas }) => {
      const delta = deltas.get(name);
      return bytes + (delta ? deltaBytes(delta) : 0);
    }, 0);
    return sum + (spans.get(name) ?? 0) + own;
  }, 0);
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
        'Name what holds the inputs of the graph (.npz, .npy, .safetensors, .jsonl, .csv, .txt, or a folder of images): "data:" in the study, or --data on the command line.',
    });
  }
  return success({ graph, data: [first, ...others] });
}

/** Where a tokenizer may lie: beside the graph, and beside the base. */
function foldersOf(graph: string, base: Checkpoint): readonly string[] {
  return [...new Set([graph, ...base.files.map(({ path }) => path)].map((path) => dirname(path)))];
}
