import { success, type Result } from '../../protocol/result';
import { refuse } from '../problems';
import { codeOf } from '../../format/onnx/element-types';
import type {
  Attribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  ValueInfo,
} from '../../format/onnx/types';
import { WireWriter } from './wire-writer';

/**
 * The bytes of a model (onnx.proto3). Values that were left in a file have to be loaded before; functions have to be put
 * in the place of their calls. Fails with `graph-tensor-type` where neither was done, or a kind of attribute cannot be
 * written.
 */
export function writeModel(model: OnnxModel): Result<Uint8Array> {
  const refused: string[] = [];
  const writer = new WireWriter().integer(1, model.irVersion).content(2, 'deltalens');
  writer.content(7, graphMessage(model.graph, refused));
  for (const [domain, version] of model.opsets) {
    writer.content(8, new WireWriter().content(1, domain).integer(2, version));
  }
  if (model.functions.length > 0) refused.push('has functions that were not put in the place of their calls');
  const [reason] = refused;
  if (reason !== undefined) return refuse('graph-tensor-type', model.path, `${model.path} ${reason}.`);
  return success(writer.finish());
}

function graphMessage(graph: OnnxGraph, refused: string[]): WireWriter {
  const writer = new WireWriter().content(2, graph.name === '' ? 'graph' : graph.name);
  for (const node of graph.nodes) writer.content(1, nodeMessage(node, refused));
  for (const tensor of graph.initializers) writer.content(5, tensorMessage(tensor, refused));
  for (const value of graph.inputs) writer.content(11, valueMessage(value));
  for (const value of graph.outputs) writer.content(12, valueMessage(value));
  return writer;
}

function nodeMessage(node: OnnxNode, refused: string[]): WireWriter {
  const writer = new WireWriter();
  for (const name of node.inputs) writer.content(1, name);
  for (const name of node.outputs) writer.content(2, name);
  if (node.name !== '') writer.content(3, node.name);
  writer.content(4, node.op);
  for (const [name, attribute] of node.attributes) {
    writer.content(5, attributeMessage(name, attribute, node, refused));
  }
  if (node.domain !== '') writer.content(7, node.domain);
  return writer;
}

/** AttributeProto; field 20 is its type. */
function attributeMessage(name: string, attribute: Attribute, node: OnnxNode, refused: string[]): WireWriter {
  const writer = new WireWriter().content(1, name);
  switch (attribute.kind) {
    case 'float':
      return writer.float(2, attribute.value).integer(20, 1);
    case 'int':
      return writer.integer(3, attribute.value).integer(20, 2);
    case 'string':
      return writer.content(4, attribute.value).integer(20, 3);
    case 'tensor':
      return writer.content(5, tensorMessage(attribute.value, refused)).integer(20, 4);
    case 'graph':
      return writer.content(6, graphMessage(attribute.value, refused)).integer(20, 5);
    case 'floats':
      return writer.content(7, new Uint8Array(Float32Array.from(attribute.value).buffer)).integer(20, 6);
    case 'ints':
      return writer.integers(8, attribute.value).integer(20, 7);
    case 'strings':
      for (const text of attribute.value) writer.content(9, text);
      return writer.integer(20, 8);
    case 'reference':
    case 'other':
      refused.push(`has the attribute ${name} of a ${node.op} node, which cannot be written again`);
      return writer;
  }
}

function tensorMessage(tensor: OnnxTensor, refused: string[]): WireWriter {
  const writer = new WireWriter().integers(1, tensor.shape).integer(2, codeOf(tensor.type));
  if (tensor.name !== '') writer.content(8, tensor.name);
  if (tensor.data.kind === 'file') refused.push(`has the values of ${tensor.name} still in a file`);
  else if (tensor.type === 'string')
    refused.push(`has the texts ${tensor.name}, which cannot be written again`);
  else writer.content(9, tensor.data.bytes);
  return writer;
}

function valueMessage(value: ValueInfo): WireWriter {
  const writer = new WireWriter().content(1, value.name);
  if (value.type === null) return writer;
  const tensor = new WireWriter().integer(1, codeOf(value.type));
  if (value.shape !== null) {
    const shape = new WireWriter();
    for (const size of value.shape) {
      const dimension = new WireWriter();
      if (typeof size === 'number') dimension.integer(1, size);
      else if (size !== null) dimension.content(2, size);
      shape.content(1, dimension);
    }
    tensor.content(2, shape);
  }
  return writer.content(2, new WireWriter().content(1, tensor));
}
