// What cases of lowerings are made of.
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../../../src/format/onnx/types';
import { node, tensor, value, type Plain } from '../onnx/models';

/** Attributes of a node. */
export type Settings = Readonly<Record<string, Plain>>;

/** A node of the operators that ONNX Runtime adds. */
export const fused = (op: string, inputs: string, outputs: string, attributes: Settings = {}): OnnxNode =>
  node(op, inputs, outputs, attributes, 'com.microsoft');
/** Whole numbers or truth values as an initializer. */
export const whole = (
  name: string,
  type: 'int32' | 'int64' | 'uint8' | 'bool',
  shape: number[],
  values: number[],
): OnnxTensor => tensor(name, type, shape, values);

/** A graph inside of a node. */
export function graph(
  name: string,
  nodes: readonly OnnxNode[],
  inputs: readonly string[],
  outputs: readonly string[],
  initializers: readonly OnnxTensor[] = [],
): OnnxGraph {
  const types = new Map([
    ['i', 'int64'],
    ['go', 'bool'],
    ['on', 'bool'],
  ] as const);
  const info = (one: string): OnnxGraph['inputs'][number] =>
    value(one, types.get(one as 'i') ?? 'float32', types.has(one as 'i') ? [] : null);
  return { name, nodes, initializers, inputs: inputs.map(info), outputs: outputs.map(info) };
}

/** The node with graphs among its attributes. */
export function withGraphs(given: OnnxNode, graphs: Readonly<Record<string, OnnxGraph>>): OnnxNode {
  const entries = Object.entries(graphs).map(([key, one]) => [key, { kind: 'graph', value: one }] as const);
  return { ...given, attributes: new Map([...given.attributes, ...entries]) };
}
