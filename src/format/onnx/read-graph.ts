import { elementTypeByCode } from './element-types';
import { readEntry, readTensor, type ReadContext } from './read-tensor';
import type { Attribute, OnnxFunction, OnnxGraph, OnnxNode, OnnxTensor, ValueInfo } from './types';
import { FIXED32, LENGTH, type WireReader } from './wire-reader';

const MOST_NODES = 200_000;
const MOST_TENSORS = 200_000;
const MOST_VALUES = 100_000;
const MOST_PORTS = 100_000;
const MOST_NUMBERS = 2 ** 20;
const MOST_AXES = 64;
/** Graphs inside nodes of graphs. */
const DEEPEST = 8;

/** Reads a GraphProto. Counts beyond the limits and nesting deeper than 8 end in a failure of the reader. */
export function readGraph(reader: WireReader, context: ReadContext, depth = 0): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  let name = '';
  if (depth > DEEPEST) reader.fail(`nests graphs deeper than ${String(DEEPEST)}`, true);
  while (reader.next()) {
    if (reader.field === 1) nodes.push(readNode(reader.message(), context, depth));
    else if (reader.field === 2) name = reader.text();
    else if (reader.field === 5) initializers.push(readTensor(reader.message(), context));
    else if (reader.field === 11) inputs.push(readValueInfo(reader.message()));
    else if (reader.field === 12) outputs.push(readValueInfo(reader.message()));
    else if (reader.field === 15) readSparse(reader, context);
    else reader.skip();
    if (nodes.length > MOST_NODES) reader.fail(`has more than ${String(MOST_NODES)} nodes`, true);
    if (initializers.length > MOST_TENSORS) {
      reader.fail(`has more than ${String(MOST_TENSORS)} initializers`, true);
    }
    if (inputs.length + outputs.length > MOST_VALUES) {
      reader.fail(`has more than ${String(MOST_VALUES)} inputs and outputs`, true);
    }
  }
  return { name, nodes, initializers, inputs, outputs };
}

/** A SparseTensorProto. */
function readSparse(reader: WireReader, context: ReadContext): void {
  const { weights } = context;
  if (weights === undefined) {
    reader.fail('has sparse initializers, which cannot be read');
    return;
  }
  const sparse = reader.message();
  const shape: number[] = [];
  let [values, indices]: [OnnxTensor | null, OnnxTensor | null] = [null, null];
  while (sparse.next()) {
    if (sparse.field === 1) values = readTensor(sparse.message(), context);
    else if (sparse.field === 2) indices = readTensor(sparse.message(), context);
    else if (sparse.field === 3) sparse.integers(shape, MOST_AXES);
    else sparse.skip();
  }
  if (values === null || weights.sparse.length >= MOST_TENSORS) return;
  const isHad = indices !== null && !weights.tensors.has(indices);
  weights.sparse.push({ name: values.name, values, indices: isHad ? indices : null, shape });
}

/** Reads a FunctionProto. */
export function readFunction(reader: WireReader, context: ReadContext): OnnxFunction {
  const nodes: OnnxNode[] = [];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const defaults = new Map<string, Attribute>();
  let name = '';
  let domain = '';
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 4) inputs.push(reader.text());
    else if (reader.field === 5) outputs.push(reader.text());
    else if (reader.field === 7) nodes.push(readNode(reader.message(), context, 1));
    else if (reader.field === 10) domain = reader.text();
    else if (reader.field === 11) readAttribute(reader.message(), context, 1, defaults);
    else reader.skip();
    if (nodes.length > MOST_NODES)
      reader.fail(`has a function of more than ${String(MOST_NODES)} nodes`, true);
  }
  return { name, domain: standardDomain(domain), inputs, outputs, nodes, defaults };
}

function readNode(reader: WireReader, context: ReadContext, depth: number): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  const metadata = new Map<string, string>();
  let name = '';
  let op = '';
  let domain = '';
  while (reader.next()) {
    if (reader.field === 1) inputs.push(reader.text());
    else if (reader.field === 2) outputs.push(reader.text());
    else if (reader.field === 3) name = reader.text();
    else if (reader.field === 4) op = reader.text();
    else if (reader.field === 5) readAttribute(reader.message(), context, depth, attributes);
    else if (reader.field === 7) domain = reader.text();
    else if (reader.field === 9) readEntry(reader.message(), metadata);
    else reader.skip();
    if (inputs.length + outputs.length > MOST_PORTS) {
      reader.fail(`has a node with more than ${String(MOST_PORTS)} inputs and outputs`, true);
    }
  }
  const scope = metadata.get('namespace');
  const node = { name, op, domain: standardDomain(domain), inputs, outputs, attributes };
  return scope === undefined ? node : { ...node, scope };
}

function standardDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** What an AttributeProto holds, whatever it says of its type. */
interface AttributeFields {
  name: string;
  type: number;
  reference: string;
  float?: number;
  int?: number;
  text?: string;
  tensor?: OnnxTensor;
  graph?: OnnxGraph;
  readonly floats: number[];
  readonly ints: number[];
  readonly texts: string[];
}

function readAttribute(
  reader: WireReader,
  context: ReadContext,
  depth: number,
  into: Map<string, Attribute>,
): void {
  const found: AttributeFields = { name: '', type: 0, reference: '', floats: [], ints: [], texts: [] };
  while (reader.next()) {
    if (reader.field === 1) found.name = reader.text();
    else if (reader.field === 2 && reader.wire === FIXED32) found.float = reader.float();
    else if (reader.field === 3) found.int = reader.integer();
    else if (reader.field === 4) found.text = reader.text(2 ** 24);
    else if (reader.field === 5) found.tensor = readTensor(reader.message(), context);
    else if (reader.field === 6) found.graph = readGraph(reader.message(), context, depth + 1);
    else if (reader.field === 7) reader.floats(found.floats, MOST_NUMBERS);
    else if (reader.field === 8) reader.integers(found.ints, MOST_NUMBERS);
    else if (reader.field === 9) found.texts.push(reader.text());
    else if (reader.field === 20) found.type = reader.integer();
    else if (reader.field === 21) found.reference = reader.text();
    else reader.skip();
    if (found.texts.length > MOST_NUMBERS) reader.fail('has an attribute with too many texts', true);
  }
  if (into.size >= 1000) reader.fail('has a node with more than 1000 attributes', true);
  into.set(found.name, attributeOf(found));
}

/** `AttributeProto.type`; files of the first versions leave it out, and what is there decides. */
function attributeOf(found: AttributeFields): Attribute {
  const { type } = found;
  if (found.reference !== '') return { kind: 'reference', value: found.reference };
  if (type === 1 || (type === 0 && found.float !== undefined))
    return { kind: 'float', value: found.float ?? 0 };
  if (type === 2 || (type === 0 && found.int !== undefined)) return { kind: 'int', value: found.int ?? 0 };
  if (type === 3 || (type === 0 && found.text !== undefined))
    return { kind: 'string', value: found.text ?? '' };
  if (found.tensor !== undefined && (type === 4 || type === 0))
    return { kind: 'tensor', value: found.tensor };
  if (found.graph !== undefined && (type === 5 || type === 0)) return { kind: 'graph', value: found.graph };
  if (type === 6 || (type === 0 && found.floats.length > 0)) return { kind: 'floats', value: found.floats };
  if (type === 7 || (type === 0 && found.ints.length > 0)) return { kind: 'ints', value: found.ints };
  if (type === 8 || (type === 0 && found.texts.length > 0)) return { kind: 'strings', value: found.texts };
  return { kind: 'other' };
}

function readValueInfo(reader: WireReader): ValueInfo {
  let name = '';
  let declared: Pick<ValueInfo, 'type' | 'shape'> = { type: null, shape: null };
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) declared = readType(reader.message());
    else reader.skip();
  }
  return { name, ...declared };
}

/** TypeProto: only tensors are of interest. */
function readType(reader: WireReader): Pick<ValueInfo, 'type' | 'shape'> {
  let type: ValueInfo['type'] = null;
  let shape: ValueInfo['shape'] = null;
  while (reader.next()) {
    if (reader.field !== 1 || reader.wire !== LENGTH) {
      reader.skip();
      continue;
    }
    const tensor = reader.message();
    while (tensor.next()) {
      if (tensor.field === 1) type = elementTypeByCode(tensor.integer()) ?? null;
      else if (tensor.field === 2) shape = readShape(tensor.message());
      else tensor.skip();
    }
  }
  return { type, shape };
}

function readShape(reader: WireReader): (number | string | null)[] {
  const dimensions: (number | string | null)[] = [];
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const dimension = reader.message();
    let size: number | string | null = null;
    while (dimension.next()) {
      if (dimension.field === 1) size = dimension.integer();
      else if (dimension.field === 2) size = dimension.text() || null;
      else dimension.skip();
    }
    dimensions.push(size);
    if (dimensions.length > 64) reader.fail('declares a value of more than 64 dimensions', true);
  }
  return dimensions;
}
