import fs from 'node:fs';
import { withFile, type FileState } from '../read';
import { failure, success, type Problem, type Result } from '../../protocol/result';
import { refuse } from './problems';
import { FileSource, MemorySource, type ByteSource } from './byte-source';
import { ExternalFiles } from './external-data';
import { readFunction, readGraph } from './read-graph';
import { readEntry, type PassedOver, type ReadContext } from './read-tensor';
import type { OnnxFunction, OnnxGraph, OnnxModel } from './types';
import { WireReader, type WireState } from './wire-reader';

const MOST_FUNCTIONS = 10_000;

/**
 * Reads an ONNX model (onnx.proto3): the graph with all that is small, and of every larger tensor where its values
 * lie, in the file or in one beside it. Fails with `graph-not-onnx`, `graph-malformed`, `graph-too-large`,
 * `graph-tensor-size`, `graph-tensor-type`, `graph-external-data`, or as opening the file does.
 */
export async function readModel(path: string): Promise<Result<OnnxModel>> {
  return withFile(path, async (file) => {
    // Reading is synchronous: a model has thousands of small parts between the weights that are passed over.
    const descriptor = fs.openSync(path, 'r');
    try {
      const source = new FileSource(path, file.bytes, descriptor);
      return await Promise.resolve(readFrom(source, contextOf(path, true)));
    } finally {
      fs.closeSync(descriptor);
    }
  });
}

/** {@link readModel} of bytes in memory. `path` is for messages, and says where external data may lie. */
export function readModelBytes(bytes: Uint8Array, path = ''): Result<OnnxModel> {
  return readFrom(new MemorySource(path, bytes), contextOf(path, false));
}

/** A model with what could not be had of it. */
export interface ModelWeights {
  readonly model: OnnxModel;
  readonly file: FileState;
  readonly problems: readonly Problem[];
  readonly passedOver: PassedOver;
}

/**
 * {@link readModel} for the sake of the weights: all values stay in the file, and tensors whose values cannot be had fail
 * nothing.
 */
export async function readModelWeights(path: string): Promise<Result<ModelWeights>> {
  return withFile(path, async ({ bytes, modifiedMs }) => {
    const descriptor = fs.openSync(path, 'r');
    try {
      const passedOver: PassedOver = { tensors: new Set(), sparse: [] };
      const context: ReadContext = { ...contextOf(path, true), weights: passedOver };
      const model = await Promise.resolve(readFrom(new FileSource(path, bytes, descriptor), context));
      if (!model.ok) return model;
      const file = { path, bytes, modifiedMs };
      return success({ model: model.value, file, problems: context.problems, passedOver });
    } finally {
      fs.closeSync(descriptor);
    }
  });
}

function contextOf(path: string, inFile: boolean): ReadContext {
  return { path, inFile, external: new ExternalFiles(path), problems: [] };
}

function readFrom(source: ByteSource, context: ReadContext): Result<OnnxModel> {
  const { path } = source;
  const state: WireState = { source, failure: null };
  const reader = new WireReader(state, 0, source.length);
  const opsets = new Map<string, number>();
  const functions: OnnxFunction[] = [];
  const metadata = new Map<string, string>();
  let graph: OnnxGraph | null = null;
  let irVersion = 0;
  let producer = '';
  while (reader.next()) {
    if (reader.field === 1) irVersion = reader.integer();
    else if (reader.field === 2) producer = reader.text();
    else if (reader.field === 7) graph = readGraph(reader.message(), context);
    else if (reader.field === 8) readOpset(reader.message(), opsets);
    else if (reader.field === 14) readEntry(reader.message(), metadata);
    else if (reader.field === 25) functions.push(readFunction(reader.message(), context));
    else reader.skip();
    if (functions.length > MOST_FUNCTIONS) reader.fail('has too many functions', true);
  }
  if (source.problem !== null) return failure(source.problem);
  const [problem] = context.problems;
  if (state.failure !== null) return refuseFailure(path, state.failure, graph !== null || irVersion > 0);
  if (graph === null || opsets.size === 0) {
    return refuse(
      'graph-not-onnx',
      path,
      `${path} is no ONNX model: it holds no graph with an operator set.`,
    );
  }
  if (problem !== undefined && context.weights === undefined) return failure(problem);
  const notes = metadata.size === 0 ? {} : { metadata };
  return success({ path, irVersion, producer, ...notes, opsets, graph, functions });
}

function refuseFailure(
  path: string,
  failure: NonNullable<WireState['failure']>,
  begun: boolean,
): Result<never> {
  const at = `byte ${String(failure.offset)}`;
  const message = `${path} ${failure.message} (at ${at}).`;
  if (failure.tooLarge) return refuse('graph-too-large', path, message, at);
  return begun
    ? refuse('graph-malformed', path, message, at)
    : refuse('graph-not-onnx', path, `${path} is no ONNX model: it ${failure.message} (at ${at}).`, at);
}

function readOpset(reader: WireReader, into: Map<string, number>): void {
  let domain = '';
  let version = 0;
  while (reader.next()) {
    if (reader.field === 1) domain = reader.text();
    else if (reader.field === 2) version = reader.integer();
    else reader.skip();
  }
  if (into.size < 1000) into.set(domain === 'ai.onnx' ? '' : domain, version);
}
