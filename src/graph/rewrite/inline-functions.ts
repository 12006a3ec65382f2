import { success, type Result } from '../../protocol/result';
import type { Attribute, OnnxFunction, OnnxModel, OnnxNode } from '../../format/onnx/types';
import { refuse } from '../problems';

const DEEPEST = 16;
const MOST_NODES = 200_000;

/**
 * Puts the bodies of the model's own functions in the place of their calls (as exports with torch.onnx before 2.6 have
 * them). Values inside a body get the name of the call before their own. Fails with `graph-function` where functions
 * call each other without end, or `graph-too-large`.
 */
export function inlineFunctions(model: OnnxModel): Result<readonly OnnxNode[]> {
  const functions = new Map(model.functions.map((one) => [`${one.domain}.${one.name}`, one]));
  if (functions.size === 0) return success(model.graph.nodes);
  const done: OnnxNode[] = [];
  const open: { readonly node: OnnxNode; readonly depth: number }[] = model.graph.nodes
    .map((node) => ({ node, depth: 0 }))
    .reverse();
  let calls = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next;
    const body = functions.get(`${node.domain}.${node.op}`);
    if (body === undefined) {
      done.push(node);
    } else if (depth >= DEEPEST) {
      const message = `${model.path}: the function ${node.op} calls itself, or functions call each other too deep.`;
      return refuse('graph-function', model.path, message, node.name);
    } else {
      const inner = bodyFor(node, body, calls++);
      for (let i = inner.length - 1; i >= 0; i--) {
        const one = inner[i];
        if (one !== undefined) open.push({ node: one, depth: depth + 1 });
      }
    }
    if (done.length + open.length > MOST_NODES) {
      const message = `${model.path} has more than ${String(MOST_NODES)} nodes with its functions put in place.`;
      return refuse('graph-too-large', model.path, message);
    }
  }
  return success(done);
}

/** The nodes of a function with the names and attributes of one call. */
function bodyFor(call: OnnxNode, body: OnnxFunction, number: number): readonly OnnxNode[] {
  const names = new Map<string, string>();
  const prefix = `${call.name === '' ? call.op : call.name}#${String(number)}/`;
  for (const [i, name] of body.inputs.entries()) names.set(name, call.inputs[i] ?? '');
  const passed: OnnxNode[] = [];
  for (const [i, name] of body.outputs.entries()) {
    const outer = call.outputs[i] ?? '';
    const inner = names.get(name);
    // An output that is an input of the function has no node that could make it under its outer name.
    if (inner === undefined) names.set(name, outer === '' ? prefix + name : outer);
    else if (outer !== '') passed.push(identity(inner, outer));
  }
  const rename = (name: string): string => (name === '' ? '' : (names.get(name) ?? prefix + name));
  const nodes = body.nodes.map((node): OnnxNode => ({
    ...node,
    name: prefix + node.name,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: resolved(node.attributes, call.attributes, body.defaults),
    ...(call.scope === undefined ? {} : { scope: call.scope }),
  }));
  return [...nodes, ...passed];
}

function identity(from: string, to: string): OnnxNode {
  return { name: '', op: 'Identity', domain: '', inputs: [from], outputs: [to], attributes: new Map() };
}

/** A reference becomes the caller's attribute, or the function's default, or is left out. */
function resolved(
  own: ReadonlyMap<string, Attribute>,
  given: ReadonlyMap<string, Attribute>,
  defaults: ReadonlyMap<string, Attribute>,
): ReadonlyMap<string, Attribute> {
  const found = new Map<string, Attribute>();
  for (const [name, attribute] of own) {
    const value =
      attribute.kind === 'reference'
        ? (given.get(attribute.value) ?? defaults.get(attribute.value))
        : attribute;
    if (value !== undefined) found.set(name, value);
  }
  return found;
}
