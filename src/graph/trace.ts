import { quoted } from '../format/problems';
import { intOf } from './attributes';
import { success, type Result } from '../protocol/result';
import { refuse } from './problems';
import { isFloating, type ElementType } from '../format/onnx/element-types';
import { tensorOf } from './onnx/tensor-values';
import type { OnnxNode, OnnxTensor, ValueInfo } from '../format/onnx/types';
import { GraphDraft } from './graph-draft';
import { makeGraph, needsOf, nodesFor, type ModelGraph } from './model-graph';
import { checkFeed, openSession } from './session';
import { numbersOf, type TensorValue } from './tensor-value';

/** A graph for inputs of one size: shape and type of every value are known, shape arithmetic is done. */
export interface TracedGraph {
  readonly graph: ModelGraph;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly types: ReadonlyMap<string, ElementType>;
  /** Values whose shape depends on more than the shapes of the inputs: other data gives them another one. */
  readonly varying: ReadonlySet<string>;
}

/** Constants of shape arithmetic with more entries than this are computed again with every run. */
const MOST_FOLDED = 2 ** 16;

/** Operators that make something other than a tensor; nothing can be asked about their outputs. */
const NO_TENSOR = /^(Sequence|Optional|SplitToSequence)/;
const RANDOM = /^(Random|Bernoulli|Multinomial)/;

/**
 * Runs a graph once to learn the shape and type of every value for inputs like `feeds`, and puts constants in the place
 * of what depends on shapes and whole-number constants only. Floating-point initializers are never folded: they may be weights.
 * `feeds` may hold values for initializers, too, so that they are not read from the file. Values in `outputs` decide which nodes are kept. Fails as a session does.
 */
export async function traceGraph(
  graph: ModelGraph,
  feeds: ReadonlyMap<string, TensorValue>,
  outputs: readonly string[],
): Promise<Result<TracedGraph>> {
  for (const name of outputs) {
    if (graph.producers.has(name) || graph.initializers.has(name)) continue;
    const known = graph.outputs.map((output) => quoted(output.name)).join(', ');
    const message = `${graph.path} computes no value ${quoted(name)}; its outputs are ${known}.`;
    return refuse('graph-output-missing', graph.path, message, name);
  }
  const nodes = nodesFor(graph, outputs);
  const names = nodes
    .filter((node) => !NO_TENSOR.test(node.op))
    .flatMap((node) => node.outputs.filter((name) => name !== ''));
  const learnt = await learn(graph, names, feeds);
  if (!learnt.ok) return learnt;
  const { shapes, types } = learnt.value;
  for (const [name, { shape, type }] of [...graph.initializers, ...feeds]) {
    shapes.set(name, shape);
    types.set(name, type);
  }
  const varying = varyingValues(graph, nodes, shapes, knownFromShapes(graph, nodes, types, new Set()));
  const known = knownFromShapes(graph, nodes, types, varying);
  const folded = await foldShapeArithmetic(graph, nodes, outputs, feeds, shapes, known);
  if (!folded.ok) return folded;
  return success({ graph: folded.value, shapes, types, varying });
}

interface Learnt {
  readonly shapes: Map<string, readonly number[]>;
  readonly types: Map<string, ElementType>;
}

/**
 * Shapes and types of the values `names` as the runtime infers them from the sizes of the inputs, without computing anything.
 * What it cannot infer is learnt from one run that gives shapes only, so that it needs no more memory than any run.
 */
async function learn(
  graph: ModelGraph,
  names: readonly string[],
  feeds: ReadonlyMap<string, TensorValue>,
): Promise<Result<Learnt>> {
  const needed = new Set(nodesFor(graph, names).flatMap(needsOf));
  const sized: ValueInfo[] = [];
  for (const info of graph.inputs) {
    const given = feeds.get(info.name);
    const checked =
      given !== undefined || needed.has(info.name) ? checkFeed(info, given, graph.path) : success(given);
    if (!checked.ok) return checked;
    sized.push({ ...info, shape: checked.value?.shape ?? info.shape });
  }
  const draft = new GraphDraft({ ...graph, inputs: sized });
  const shapeOf = new Map(names.map((name) => [name, draft.add('Shape', [name])]));
  const asking = draft.finish();
  if (!asking.ok) return asking;
  const weights = new Set(feeds.keys());
  const outputs = [...names, ...shapeOf.values()];
  const telling = await openSession(asking.value, { outputs, optimise: 'constants', weights });
  if (!telling.ok) return telling;
  await telling.value.release();
  const { shapes: inferred, types } = telling.value;
  const shapes = new Map<string, readonly number[]>();
  const open = new Map<string, string>();
  for (const [name, shapeName] of shapeOf) {
    // The shape's own length is the rank, which tells a single number from a value of unknown rank.
    const [shape, [rank] = []] = [inferred.get(name), inferred.get(shapeName)];
    if (shape !== undefined && rank === shape.length) shapes.set(name, shape);
    else open.set(shapeName, name);
  }
  if (open.size > 0) {
    const session = await openSession(asking.value, { outputs: [...open.keys()], optimise: false, weights });
    if (!session.ok) return session;
    const run = await session.value.run(feeds);
    await session.value.release();
    if (!run.ok) return run;
    for (const [name, value] of run.value) shapes.set(open.get(name) ?? '', [...numbersOf(value)]);
  }
  return success({ shapes, types: new Map(names.flatMap((name) => typed(name, types.get(name)))) });
}

function typed(name: string, type: ElementType | undefined): readonly (readonly [string, ElementType])[] {
  return type === undefined ? [] : [[name, type]];
}

async function foldShapeArithmetic(
  graph: ModelGraph,
  nodes: readonly OnnxNode[],
  outputs: readonly string[],
  feeds: ReadonlyMap<string, TensorValue>,
  shapes: ReadonlyMap<string, readonly number[]>,
  known: ReadonlySet<string>,
): Promise<Result<ModelGraph>> {
  const kept = nodes.filter((node) => !node.outputs.every((name) => name === '' || known.has(name)));
  const wanted = new Set([...kept.flatMap((node) => node.inputs), ...outputs]);
  const asked = [...known].filter((name) => wanted.has(name) && sizeOf(shapes.get(name)) <= MOST_FOLDED);
  const { folded, rest: arithmetic } = foldShapes(nodes, shapes, known);
  const initial = makeGraph({
    ...graph,
    nodes: arithmetic,
    initializers: new Map([...graph.initializers, ...folded]),
  });
  if (!initial.ok) return initial;
  const computed = asked.filter((name) => !folded.has(name));
  if (computed.length > 0) {
    const session = await openSession(initial.value, {
      outputs: computed,
      optimise: false,
      weights: new Set(feeds.keys()),
    });
    if (!session.ok) return session;
    const run = await session.value.run(feeds);
    await session.value.release();
    if (!run.ok) return run;
    for (const [name, value] of run.value) {
      const tensor = tensorOf(name, value.type, value.shape, numbersOf(value));
      if (tensor !== null) folded.set(name, tensor);
    }
  }
  const makes = (node: OnnxNode): boolean => !node.outputs.every((name) => name === '' || folded.has(name));
  const rest = nodes.filter(makes);
  const initializers = new Map([...graph.initializers, ...folded]);
  const made = makeGraph({ ...graph, nodes: rest, initializers });
  if (!made.ok) return made;
  return makeGraph({ ...made.value, nodes: nodesFor(made.value, outputs) });
}

/** Shapes and sizes as constants, so that what is computed with them needs nothing of the network. */
function foldShapes(
  nodes: readonly OnnxNode[],
  shapes: ReadonlyMap<string, readonly number[]>,
  known: ReadonlySet<string>,
): { readonly folded: Map<string, OnnxTensor>; readonly rest: readonly OnnxNode[] } {
  const folded = new Map<string, OnnxTensor>();
  const rest = nodes.filter((node) => {
    const [output = ''] = node.outputs;
    const shape = shapes.get(node.inputs[0] ?? '');
    if (!known.has(output) || shape === undefined || node.domain !== '') return true;
    const tensor =
      node.op === 'Shape'
        ? shapeTensor(output, shape.slice(...bounds(node, shape.length)))
        : node.op === 'Size'
          ? tensorOf(output, 'int64', [], [sizeOf(shape)])
          : null;
    if (tensor !== null) folded.set(output, tensor);
    return tensor === null;
  });
  return { folded, rest };
}

function shapeTensor(name: string, shape: readonly number[]): OnnxTensor | null {
  return tensorOf(name, 'int64', [shape.length], shape);
}

/** First axis and end of what a Shape node gives, both within the rank. */
function bounds(node: OnnxNode, rank: number): readonly [number, number] {
  const within = (axis: number): number => Math.max(0, Math.min(rank, axis < 0 ? axis + rank : axis));
  return [within(intOf(node, 'start', 0)), within(intOf(node, 'end', rank))];
}

/** Values other than floats that follow from shapes and constants alone. */
function knownFromShapes(
  graph: ModelGraph,
  nodes: readonly OnnxNode[],
  types: ReadonlyMap<string, ElementType>,
  varying: ReadonlySet<string>,
): ReadonlySet<string> {
  const known = new Set<string>();
  const exact = (name: string): boolean => {
    const initializer = graph.initializers.get(name);
    return name === '' || known.has(name) || (initializer !== undefined && !isFloating(initializer.type));
  };
  for (const node of nodes) {
    if (node.domain !== '' || RANDOM.test(node.op)) continue;
    const fromShape = node.op === 'Shape' || node.op === 'Size';
    if (!fromShape && !node.inputs.every(exact)) continue;
    if (node.inputs.some((name) => varying.has(name))) continue;
    if ([...node.attributes.values()].some((attribute) => attribute.kind === 'graph')) continue;
    const exactOutputs = node.outputs.filter((name) => {
      const type = types.get(name);
      return name !== '' && type !== undefined && !isFloating(type);
    });
    for (const name of exactOutputs) known.add(name);
  }
  return known;
}

/** Operators whose output has as many entries as the data wants. */
const DATA_SIZED = new Set(['NonZero', 'Unique', 'NonMaxSuppression', 'If', 'Loop', 'Scan']);

/** Inputs that decide the shape of an output. */
const SHAPING: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  ConstantOfShape: [0],
  Range: [0, 1, 2],
  Slice: [1, 2, 3, 4],
  Tile: [1],
  Pad: [1, 3],
  TopK: [1],
  OneHot: [1],
  Resize: [2, 3],
  Split: [1],
  Squeeze: [1],
  Unsqueeze: [1],
  Compress: [1],
};

/** Operators whose output has the shape of their first input, whatever the others have. */
const SHAPED_BY_FIRST = new Set(['ScatterND', 'ScatterElements']);

function varyingValues(
  graph: ModelGraph,
  nodes: readonly OnnxNode[],
  shapes: ReadonlyMap<string, readonly number[]>,
  known: ReadonlySet<string>,
): ReadonlySet<string> {
  const varying = new Set<string>();
  for (const node of nodes) {
    const shaping = (SHAPING[node.op] ?? []).flatMap((slot) => node.inputs[slot] ?? []);
    const inputs = SHAPED_BY_FIRST.has(node.op) ? node.inputs.slice(0, 1) : node.inputs;
    const varies =
      DATA_SIZED.has(node.op) ||
      shaping.some((name) => name !== '' && !graph.initializers.has(name) && !known.has(name)) ||
      inputs.some((name) => varying.has(name));
    // A single number has no size that could change.
    if (varies) for (const name of node.outputs) if (shapes.get(name)?.length !== 0) varying.add(name);
  }
  return varying;
}

function sizeOf(shape: readonly number[] | undefined): number {
  return shape === undefined ? Infinity : shape.reduce((product, size) => product * size, 1);
}
