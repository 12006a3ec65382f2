import { int, intOf, intsOf } from '../attributes';
import type { Emitter, Term } from '../differentiate/emitter';
import { positive } from '../differentiate/rule';
import type { Attribute, OnnxGraph, OnnxNode } from '../../format/onnx/types';
import { separateConstants } from '../rewrite/constants';
import type { Lowering, LoweringFamily } from './lowering';

/** Loops with more steps, or steps with more nodes in all, stay as they are. */
const MOST_STEPS = 1024;
const MOST_NODES = 50_000;

type Named = Pick<Term, 'name'>;

/** The branch that is taken, where shapes and constants decide it. */
const branch: Lowering = (context) => {
  const [decided] = context.constant(0) ?? [];
  if (decided === undefined) return 'its condition depends on data';
  const body = graphOf(context.node, decided === 0 ? 'else_branch' : 'then_branch');
  return body === null ? 'it has no such branch' : inlined(context.emit, body, []);
};

/** A loop of a known number of trips whose condition never ends it. */
const loop: Lowering = (context) => {
  const { node, emit } = context;
  const body = graphOf(node, 'body');
  const [trips] = context.constant(0) ?? [];
  if (body === null || trips === undefined) return 'how often it runs depends on data';
  const given = (node.inputs[1] ?? '') === '' ? 1 : (context.constant(1)?.[0] ?? null);
  if (given !== 1 || !goesOn(body)) return 'its condition depends on data';
  const reason = tooLong(trips, body);
  if (reason !== null) return reason;
  let states: readonly Named[] = node.inputs.slice(2).map((name) => ({ name }));
  const rows: (readonly Named[])[] = [];
  for (let trip = 0; trip < trips; trip++) {
    const counter = { name: emit.draft.constant('int64', [], [trip]) };
    const going = { name: emit.draft.constant('bool', [], [1]) };
    const made = inlined(emit, body, [counter, going, ...states]);
    states = made.slice(1, 1 + states.length);
    rows.push(made.slice(1 + states.length));
  }
  return [...states, ...stacked(emit, rows)];
};

/** Slices of the scanned inputs one after the other. */
const scan: Lowering = (context) => {
  const { node, emit } = context;
  const body = graphOf(node, 'body');
  const scanned = intOf(node, 'num_scan_inputs', 0);
  const first = node.inputs.length - scanned;
  const sources = node.inputs.slice(first).map((_, i) => context.input(first + i));
  const [one] = sources;
  if (body === null || !one || sources.some((source) => source === null))
    return 'its inputs are of unknown size';
  const axes = intsOf(node, 'scan_input_axes');
  const axisOf = (source: Term, i: number): number => positive(axes?.[i] ?? 0, source.shape.length);
  const steps = one.shape[axisOf(one, 0)] ?? 0;
  const reason = tooLong(steps, body);
  if (reason !== null) return reason;
  const outputs = (name: string): readonly number[] => intsOf(node, name) ?? [];
  if (outputs('scan_output_directions').some((way) => way !== 0)) return 'it gives its outputs in reverse';
  const backwards = intsOf(node, 'scan_input_directions');
  let states: readonly Named[] = node.inputs.slice(0, first).map((name) => ({ name }));
  const rows: (readonly Named[])[] = [];
  for (let step = 0; step < steps; step++) {
    const slices = sources.flatMap((source, i) => {
      if (source === null) return [];
      const at = backwards?.[i] === 1 ? steps - 1 - step : step;
      return [pick(emit, source, at, axisOf(source, i))];
    });
    const made = inlined(emit, body, [...states, ...slices]);
    states = made.slice(0, first);
    rows.push(made.slice(first));
  }
  return [...states, ...stacked(emit, rows, outputs('scan_output_axes'))];
};

function graphOf(node: OnnxNode, name: string): OnnxGraph | null {
  const found = node.attributes.get(name);
  return found?.kind === 'graph' ? found.value : null;
}

function tooLong(steps: number, body: OnnxGraph): string | null {
  if (steps === 0) return 'it has no step';
  if (steps <= MOST_STEPS && steps * body.nodes.length <= MOST_NODES) return null;
  return `it has ${String(steps)} steps of ${String(body.nodes.length)} nodes, which are too many to unroll`;
}

/** Whether the condition that a body gives is the one that it is given, or true. */
function goesOn(body: OnnxGraph): boolean {
  const { nodes, initializers } = separateConstants(body.nodes, body.initializers);
  let name = body.outputs[0]?.name ?? '';
  for (;;) {
    if (name === body.inputs[1]?.name) return true;
    const constant = initializers.get(name);
    if (constant !== undefined) return constant.data.kind === 'memory' && constant.data.bytes[0] === 1;
    const [from = '', ...more] = nodes.find(({ outputs }) => outputs[0] === name)?.inputs ?? [];
    const node = nodes.find(({ outputs }) => outputs[0] === name);
    if (node === undefined || !['Identity', 'Cast'].includes(node.op) || more.length > 0) return false;
    name = from;
  }
}

/** The nodes of a body in the graph, under new names; `given` are its inputs. What stands for its outputs. */
function inlined(emit: Emitter, body: OnnxGraph, given: readonly Named[]): readonly Named[] {
  const { draft } = emit;
  const names = new Map<string, string>();
  const { nodes, initializers } = separateConstants(body.nodes, body.initializers);
  for (const [i, { name }] of body.inputs.entries()) names.set(name, given[i]?.name ?? '');
  for (const [name, tensor] of initializers) {
    const own = draft.fresh(name);
    names.set(name, own);
    draft.initializers.set(own, { ...tensor, name: own });
  }
  for (const name of nodes.flatMap(({ outputs }) => outputs))
    if (name !== '') names.set(name, draft.fresh(name));
  for (const node of nodes) draft.addNode(renamed(node, names));
  return body.outputs.map(({ name }) => ({ name: names.get(name) ?? name }));
}

function renamed(node: OnnxNode, names: ReadonlyMap<string, string>): OnnxNode {
  const rename = (name: string): string => names.get(name) ?? name;
  const attributes = new Map<string, Attribute>();
  for (const [key, attribute] of node.attributes) {
    attributes.set(
      key,
      attribute.kind === 'graph' ? { kind: 'graph', value: renamedGraph(attribute.value, names) } : attribute,
    );
  }
  // A body stands in the graph as often as it runs, and names of nodes are their own.
  return {
    ...node,
    name: '',
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes,
  };
}

/** A graph inside a node takes values from outside under their new names; its own stay. */
function renamedGraph(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const outer = new Map(names);
  for (const { name } of [...graph.inputs, ...graph.initializers]) outer.delete(name);
  for (const name of graph.nodes.flatMap(({ outputs }) => outputs)) outer.delete(name);
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renamed(node, outer)),
    outputs: graph.outputs.map((info) => ({ ...info, name: outer.get(info.name) ?? info.name })),
  };
}

function pick(emit: Emitter, source: Term, at: number, axis: number): Term {
  const shape = source.shape.filter((_, i) => i !== axis);
  return emit.reshape(emit.slice(source, [at], [at + 1], [axis]), shape);
}

/** What every step gave, along a new axis. */
function stacked(
  emit: Emitter,
  rows: readonly (readonly Named[])[],
  axes: readonly number[] = [],
): readonly Named[] {
  const { draft } = emit;
  return (rows[0] ?? []).map((_, column) => {
    const axis = axes[column] ?? 0;
    const parts = rows.map((row) =>
      draft.add('Unsqueeze', [row[column]?.name ?? '', draft.integers([axis])]),
    );
    return { name: draft.add('Concat', parts, { axis: int(axis) }) };
  });
}

/** Graphs inside nodes. */
export const controlFlow: LoweringFamily = { If: branch, Loop: loop, Scan: scan };
