import { success, type Result } from '../../protocol/result';
import { int, intOf, intsOf } from '../attributes';
import { tensorOf } from '../onnx/tensor-values';
import type { Attribute, OnnxNode, OnnxTensor } from '../../format/onnx/types';
import { refuse } from '../problems';

/** The operator set that the rules of differentiation are written for; newer ones are taken as they are. */
export const TARGET_OPSET = 18;
const OLDEST_OPSET = 11;

/** Nodes of the target operator set, with the constants that attributes became. */
export interface Upgraded {
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
}

/** Takes nodes and constants that stand for one older node. */
interface Place {
  readonly opset: number;
  readonly nodes: OnnxNode[];
  constant(values: readonly number[]): string;
  fresh(stem: string): string;
}

// Where operators changed between 11 and 18 (github.com/onnx/onnx, docs/Changelog.md): axes became an input of
// ReduceSum, Squeeze and Unsqueeze in 13 and of the other reductions in 18, sizes of Split in 13, ratio of Dropout in 12;
// Softmax worked on a flattened matrix before 13. What changed otherwise only grew.
const REDUCTIONS_18 = new Set(
  ['Max', 'Mean', 'Min', 'Prod', 'L1', 'L2', 'LogSum', 'LogSumExp', 'SumSquare'].map(
    (name) => `Reduce${name}`,
  ),
);

/**
 * Rewrites nodes of operator sets 11 to 17 into those of 18. `taken` are the names of all values. Fails with `graph-opset` below 11.
 */
export function upgradeOpset(
  nodes: readonly OnnxNode[],
  opset: number,
  taken: ReadonlySet<string>,
  path: string,
): Result<Upgraded> {
  if (opset < OLDEST_OPSET) {
    const message = `${path} is written in operator set ${String(opset)}; the oldest that is read is ${String(OLDEST_OPSET)}.`;
    return refuse('graph-opset', path, message);
  }
  if (opset >= TARGET_OPSET) return success({ opset, nodes, constants: [] });
  const upgraded: OnnxNode[] = [];
  const constants = new Map<string, OnnxTensor>();
  let count = 0;
  const fresh = (stem: string): string => {
    for (;;) {
      const name = `~${stem}~opset${String(count++)}`;
      if (!taken.has(name)) return name;
    }
  };
  const place: Place = {
    opset,
    nodes: upgraded,
    fresh,
    constant: (values) => {
      const key = values.join(',');
      const known = constants.get(key);
      if (known !== undefined) return known.name;
      const tensor = tensorOf(fresh('axes'), 'int64', [values.length], values);
      if (tensor === null) return '';
      constants.set(key, tensor);
      return tensor.name;
    },
  };
  for (const node of nodes) upgradeNode(node, place);
  return success({ opset: TARGET_OPSET, nodes: upgraded, constants: [...constants.values()] });
}

function upgradeNode(node: OnnxNode, place: Place): void {
  const { op, domain } = node;
  if (domain !== '') place.nodes.push(node);
  else if (REDUCTIONS_18.has(op)) place.nodes.push(attributeToInput(node, 'axes', place));
  else if (place.opset < 13 && (op === 'ReduceSum' || op === 'Squeeze' || op === 'Unsqueeze')) {
    place.nodes.push(attributeToInput(node, 'axes', place));
  } else if (op === 'Split') place.nodes.push(upgradeSplit(node, place));
  else if (place.opset < 12 && op === 'Dropout') {
    place.nodes.push({ ...node, attributes: new Map<string, Attribute>() });
  } else if (place.opset < 13 && (op === 'Softmax' || op === 'LogSoftmax' || op === 'Hardmax')) {
    upgradeSoftmax(node, place);
  } else place.nodes.push(node);
}

function attributeToInput(node: OnnxNode, name: string, place: Place): OnnxNode {
  const values = intsOf(node, name);
  if (values === null) return node;
  const attributes = new Map(node.attributes);
  attributes.delete(name);
  return { ...node, attributes, inputs: [node.inputs[0] ?? '', place.constant(values)] };
}

function upgradeSplit(node: OnnxNode, place: Place): OnnxNode {
  const moved = place.opset < 13 ? attributeToInput(node, 'split', place) : node;
  if ((moved.inputs[1] ?? '') !== '') return moved;
  return { ...moved, attributes: new Map(moved.attributes).set('num_outputs', int(node.outputs.length)) };
}

/** Before 13, all dimensions from `axis` on were one: flatten, work on the last axis, and give the old shape back. */
function upgradeSoftmax(node: OnnxNode, place: Place): void {
  const axis = intOf(node, 'axis', 1);
  const last = { ...node, attributes: new Map([['axis', int(-1)]]) };
  if (axis === -1) {
    place.nodes.push(last);
    return;
  }
  const [input = ''] = node.inputs;
  const [flat, shape, soft] = [place.fresh('flat'), place.fresh('shape'), place.fresh('soft')];
  place.nodes.push(
    { ...plain('Flatten', [input], flat), attributes: new Map([['axis', int(axis)]]) },
    plain('Shape', [input], shape),
    { ...last, inputs: [flat], outputs: [soft] },
    plain('Reshape', [soft, shape], node.outputs[0] ?? ''),
  );
}

function plain(op: string, inputs: readonly string[], output: string): OnnxNode {
  return { name: '', op, domain: '', inputs, outputs: [output], attributes: new Map() };
}
