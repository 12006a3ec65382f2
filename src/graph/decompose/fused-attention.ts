import { floatOf, int, intOf, ints } from '../attributes';
import type { OnnxNode } from '../../format/onnx/types';
import type { Decomposition, Pieces } from './pieces';

interface AttentionParts {
  /** [batch, position, heads · size] each. */
  readonly query: string;
  readonly key: string;
  readonly value: string;
  /** Added to the scores; `''` for none. */
  readonly bias: string;
}

/** `softmax(s Q Kᵀ + bias) V` for heads side by side; s is 1/√size unless the node gives a scale. */
function attend(node: OnnxNode, pieces: Pieces, parts: AttentionParts): void {
  const heads = intOf(node, 'num_heads', 1);
  const split = pieces.integers([0, 0, heads, -1]);
  const headed = (x: string, perm: readonly number[]): string =>
    pieces.add('Transpose', [pieces.add('Reshape', [x, split])], { perm: ints(perm) });
  const query = headed(parts.query, [0, 2, 1, 3]);
  const product = pieces.add('MatMul', [query, headed(parts.key, [0, 2, 3, 1])]);
  let scores = pieces.add('Mul', [product, scaleOf(node, pieces, query)]);
  if (parts.bias !== '') scores = pieces.add('Add', [scores, parts.bias]);
  if (intOf(node, 'unidirectional', 0) !== 0) scores = pieces.add('Add', [scores, future(pieces, scores)]);
  const attended = pieces.add('MatMul', [
    pieces.add('Softmax', [scores], { axis: int(-1) }),
    headed(parts.value, [0, 2, 1, 3]),
  ]);
  const back = pieces.add('Transpose', [attended], { perm: ints([0, 2, 1, 3]) });
  pieces.add('Reshape', [back, pieces.integers([0, 0, -1])], {}, node.outputs[0]);
}

function scaleOf(node: OnnxNode, pieces: Pieces, query: string): string {
  const given = floatOf(node, 'scale', 0);
  if (given !== 0) return pieces.scalar(given);
  const size = pieces.add('Cast', [pieces.add('Shape', [query], { start: int(3) })], { to: int(1) });
  return pieces.add('Reciprocal', [pieces.add('Sqrt', [size])]);
}

/** A large negative number where the key stands after the query, else 0. */
function future(pieces: Pieces, scores: string): string {
  const square = pieces.add('Shape', [scores], { start: int(2) });
  const lowest = pieces.add('Expand', [pieces.scalar(-3.4e38), square]);
  return pieces.add('Trilu', [lowest, pieces.add('Squeeze', [pieces.integers([1])])], { upper: int(1) });
}

/** Input times one matrix [I, 3·D] with queries, keys and values side by side. Without a past or a mask. */
const attention: Decomposition = (node, pieces) => {
  const [x = '', weights = '', bias = '', mask = '', past = '', attentionBias = ''] = node.inputs;
  const plain = past === '' && (node.outputs[1] ?? '') === '' && !node.attributes.has('qkv_hidden_sizes');
  // A mask may also be a vector of lengths or a matrix per query, which cannot be told apart before shapes are known.
  if (!plain || mask !== '' || intOf(node, 'do_rotary', 0) !== 0) return false;
  const product = pieces.add('MatMul', [x, weights]);
  const all = bias === '' ? product : pieces.add('Add', [product, bias]);
  const [query, key, value] = [pieces.fresh('query'), pieces.fresh('key'), pieces.fresh('value')];
  pieces.many('Split', [all], [query, key, value], { axis: int(-1), num_outputs: int(3) });
  attend(node, pieces, { query, key, value, bias: attentionBias });
  return true;
};

/** Queries, keys and values of their own, with one bias for all three. Without packing, a mask or a past. */
const multiHead: Decomposition = (node, pieces) => {
  const [query = '', key = '', value = '', bias = '', mask = '', attentionBias = '', ...past] = node.inputs;
  const plain = past.every((name) => name === '') && node.outputs.slice(1).every((name) => name === '');
  // Keys of four axes have their heads apart already: those that a decoder keeps of the encoder.
  if (!plain || key === '' || value === '' || mask !== '' || pieces.rank(key) === 4) return false;
  const parts = { query, key, value };
  if (bias !== '') {
    const [q, k, v] = [pieces.fresh('query'), pieces.fresh('key'), pieces.fresh('value')];
    pieces.many('Split', [bias], [q, k, v], { axis: int(0), num_outputs: int(3) });
    parts.query = pieces.add('Add', [query, q]);
    parts.key = pieces.add('Add', [key, k]);
    parts.value = pieces.add('Add', [value, v]);
  }
  attend(node, pieces, { ...parts, bias: attentionBias });
  return true;
};

/** Attention that the runtime's optimiser fused, as its documentation defines it. */
export const FUSED_ATTENTION: Readonly<Record<string, Decomposition>> = {
  'com.microsoft.Attention': attention,
  'com.microsoft.MultiHeadAttention': multiHead,
};
