import { quoted } from '../format/problems';
import { success, type Result } from '../protocol/result';
import type { OnnxGraph, OnnxNode, OnnxTensor, ValueInfo } from '../format/onnx/types';
import { refuse } from './problems';

/** One place where a value is used. */
export interface Use {
  readonly node: OnnxNode;
  /** Position among the node's inputs; −1 where a graph inside the node uses the value. */
  readonly slot: number;
}

/** A network as a graph: every value is an input, an initializer, or made by exactly one node. */
export interface ModelGraph {
  /** Absolute path of the file it came from. */
  readonly path: string;
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  /** Every node stands behind those that make its inputs. */
  readonly nodes: readonly OnnxNode[];
  /** What has to be fed; initializers are not among them. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  /** The node that makes a value. */
  readonly producers: ReadonlyMap<string, OnnxNode>;
  /** All uses of a value, in the order of the nodes. */
  readonly uses: ReadonlyMap<string, readonly Use[]>;
}

/** What a graph is made of. */
export type GraphParts = Omit<ModelGraph, 'producers' | 'uses'>;

/**
 * Puts nodes in an order in which they can run, and finds who makes and who uses each value. Fails with
 * `graph-duplicate` (a value made twice), `graph-dangling` (a value made by nothing) or `graph-cycle`.
 */
export function makeGraph(parts: GraphParts): Result<ModelGraph> {
  const { path } = parts;
  const producers = new Map<string, OnnxNode>();
  const given = new Set<string>([...parts.inputs.map(({ name }) => name), ...parts.initializers.keys()]);
  for (const node of parts.nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (producers.has(name) || given.has(name)) {
        return refuse('graph-duplicate', path, `${path}: the value ${quoted(name)} is made twice.`, name);
      }
      producers.set(name, node);
    }
  }
  const uses = usesOf(parts.nodes);
  for (const name of [...uses.keys(), ...parts.outputs.map((output) => output.name)]) {
    if (producers.has(name) || given.has(name)) continue;
    const user = uses.get(name)?.[0]?.node;
    const place = user === undefined ? 'an output of the graph' : `an input of the node ${titleOf(user)}`;
    return refuse('graph-dangling', path, `${path}: ${quoted(name)}, ${place}, is made by nothing.`, name);
  }
  const nodes = inOrder(parts.nodes, producers);
  if (nodes === null) {
    return refuse('graph-cycle', path, `${path}: some nodes depend on their own outputs.`);
  }
  return success({ ...parts, nodes, producers, uses });
}

/** A node for a message: its name, or operator and first output where it has none. */
export function titleOf(node: OnnxNode): string {
  const operator = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
  return `${quoted(node.name === '' ? (node.outputs[0] ?? '') : node.name)} (${operator})`;
}

/** All values that a node needs, those that graphs inside it take from outside included. */
export function needsOf(node: OnnxNode): readonly string[] {
  const outer = outerValues(node);
  const inputs = node.inputs.filter((name) => name !== '');
  return outer.size === 0 ? inputs : [...inputs, ...outer];
}

/** Nodes that the values `wanted` depend on, in the order of the graph. */
export function nodesFor(graph: ModelGraph, wanted: readonly string[]): readonly OnnxNode[] {
  const needed = new Set<OnnxNode>();
  const open = [...wanted];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = graph.producers.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    open.push(...needsOf(node));
  }
  return graph.nodes.filter((node) => needed.has(node));
}

function usesOf(nodes: readonly OnnxNode[]): Map<string, Use[]> {
  const uses = new Map<string, Use[]>();
  const add = (name: string, use: Use): void => {
    const known = uses.get(name);
    if (known === undefined) uses.set(name, [use]);
    else known.push(use);
  };
  for (const node of nodes) {
    for (const [slot, name] of node.inputs.entries()) if (name !== '') add(name, { node, slot });
    for (const name of outerValues(node)) add(name, { node, slot: -1 });
  }
  return uses;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Values from outside that the graphs inside a node use. */
function outerValues(node: OnnxNode): ReadonlySet<string> {
  let found: Set<string> | undefined;
  for (const attribute of node.attributes.values()) {
    if (attribute.kind !== 'graph') continue;
    found ??= new Set();
    for (const name of freeValues(attribute.value)) found.add(name);
  }
  return found ?? NOTHING;
}

function freeValues(graph: OnnxGraph): ReadonlySet<string> {
  const own = new Set<string>([
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.map(({ name }) => name),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  const used = [...graph.nodes.flatMap(needsOf), ...graph.outputs.map(({ name }) => name)];
  return new Set(used.filter((name) => name !== '' && !own.has(name)));
}

/** A stable topological order (Kahn 1962); `null` where there is a circle. */
function inOrder(
  nodes: readonly OnnxNode[],
  producers: ReadonlyMap<string, OnnxNode>,
): readonly OnnxNode[] | null {
  const position = new Map(nodes.map((node, i) => [node, i]));
  const waiting = new Map<OnnxNode, number>();
  const followers = new Map<OnnxNode, OnnxNode[]>();
  let ordered = true;
  for (const [i, node] of nodes.entries()) {
    const before = new Set(needsOf(node).flatMap((name) => producers.get(name) ?? []));
    waiting.set(node, before.size);
    for (const one of before) {
      if ((position.get(one) ?? 0) >= i) ordered = false;
      const known = followers.get(one);
      if (known === undefined) followers.set(one, [node]);
      else known.push(node);
    }
  }
  if (ordered) return nodes;
  const sorted: OnnxNode[] = nodes.filter((node) => waiting.get(node) === 0);
  for (let i = 0; i < sorted.length; i++) {
    const done = sorted[i];
    for (const next of (done && followers.get(done)) ?? []) {
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) sorted.push(next);
    }
  }
  return sorted.length === nodes.length ? sorted : null;
}
