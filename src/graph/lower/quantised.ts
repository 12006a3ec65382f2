import { intOf } from '../attributes';
import type { Emitter, Term } from '../differentiate/emitter';
import { positive } from '../differentiate/rule';
import { hasAny, type Lowering, type LoweringFamily } from './lowering';

/** `(x − zero point) · scale`, per tensor, along an axis, or in blocks along it. */
const dequantise: Lowering = ({ emit, node, input, output }) => {
  const [x, scale, zero, y] = [input(0), input(1), input(2), output(0)];
  if (x === null || scale === null || y === null) return 'its inputs are of unknown size';
  if (x.type === 'int4' || x.type === 'uint4' || x.type.startsWith('float8')) return `it reads ${x.type}`;
  const axis = positive(intOf(node, 'axis', 1), x.shape.length);
  const blocks = intOf(node, 'block_size', 0);
  const aligned = (term: Term): Term => {
    if (term.shape.length === 1 && term.shape[0] === 1) return emit.reshape(term, []);
    if (term.shape.length === 1)
      return emit.reshape(
        term,
        x.shape.map((size, i) => (i === axis ? size : 1)),
      );
    return blocks === 0 ? term : inBlocks(emit, term, axis, blocks, x.shape);
  };
  const values = emit.cast(x, scale.type);
  const centred = zero === null ? values : emit.sub(values, aligned(emit.cast(zero, scale.type)));
  return [emit.cast(emit.mul(centred, aligned(scale)), y.type)];
};

/** Every entry `block` times along an axis, cut to the shape. */
function inBlocks(emit: Emitter, x: Term, axis: number, block: number, shape: readonly number[]): Term {
  const before = x.shape.slice(0, axis + 1);
  const behind = x.shape.slice(axis + 1);
  const wide = emit.expand(emit.reshape(x, [...before, 1, ...behind]), [...before, block, ...behind]);
  const count = (x.shape[axis] ?? 1) * block;
  const whole = emit.reshape(wide, [...x.shape.slice(0, axis), count, ...behind]);
  return count === shape[axis] ? whole : emit.slice(whole, [0], [shape[axis] ?? 1], [axis]);
}

/** `A · Wᵀ` with W of few bits, in blocks with a scale each; gradients go to A and the scales (com.microsoft). */
const matmulBits: Lowering = ({ emit, node, input }) => {
  const [a, packed, scales, zeros, bias] = [0, 1, 2, 3, 5].map(input);
  if (!a || !packed || !scales) return 'its inputs are of unknown size';
  if (hasAny(node.inputs, [4])) return 'its rows are reordered';
  const [rows, width] = [intOf(node, 'N', 1), intOf(node, 'K', 1)];
  const [bits, block] = [intOf(node, 'bits', 4), intOf(node, 'block_size', 32)];
  if (![2, 4, 8].includes(bits)) return `its weights have ${String(bits)} bits`;
  const blocks = Math.ceil(width / block);
  const codes = emit.reshape(
    unpacked(emit, emit.reshape(packed, [rows, blocks, -1].map(known(packed))), bits, a),
    [rows, blocks, block],
  );
  const middle = zeroPoints(emit, zeros ?? null, bits, [rows, blocks], a);
  const whole = emit.mul(emit.sub(codes, middle), emit.cast(emit.reshape(scales, [rows, blocks, 1]), a.type));
  const flat = emit.reshape(whole, [rows, blocks * block]);
  const weights = blocks * block === width ? flat : emit.slice(flat, [0], [width], [1]);
  const product = emit.matmul(a, emit.transposeMatrix(weights));
  return [bias ? emit.add(product, bias) : product];
};

/** Fills in the one size that is −1. */
function known(x: Term): (size: number, i: number, shape: readonly number[]) => number {
  const all = x.shape.reduce((product, size) => product * size, 1);
  return (size, _, shape) => (size === -1 ? all / -shape.reduce((product, one) => product * one, 1) : size);
}

/** Bytes as the numbers in them, lowest bits first, in the type of `like`. */
function unpacked(emit: Emitter, bytes: Term, bits: number, like: Term): Term {
  const wide = emit.cast(bytes, 'int32');
  if (bits === 8) return emit.cast(wide, like.type);
  const whole = (value: number): Term => ({
    name: emit.draft.constant('int32', [], [value]),
    shape: [],
    type: 'int32',
  });
  const parts = Array.from({ length: 8 / bits }, (_, i) => {
    const shifted = i === 0 ? wide : emit.div(wide, whole(2 ** (bits * i)));
    const low = emit.apply('Mod', [shifted, whole(2 ** bits)], wide.shape);
    return emit.reshape(low, [...wide.shape, 1]);
  });
  const apart = emit.concat(parts, wide.shape.length);
  const last = (wide.shape.at(-1) ?? 1) * parts.length;
  return emit.cast(emit.reshape(apart, [...wide.shape.slice(0, -1), last]), like.type);
}

/** [rows, blocks, 1]: given as numbers, packed row by row, or the middle of the range. */
function zeroPoints(
  emit: Emitter,
  zeros: Term | null,
  bits: number,
  [rows, blocks]: readonly [number, number],
  like: Term,
): Term {
  if (zeros === null) return emit.scalar(like, 2 ** (bits - 1));
  if (zeros.type !== 'uint8') return emit.cast(emit.reshape(zeros, [rows, blocks, 1]), like.type);
  const bytes = emit.reshape(zeros, [rows, Math.ceil((blocks * bits) / 8)]);
  const all = unpacked(emit, bytes, bits, like);
  const own = all.shape[1] === blocks ? all : emit.slice(all, [0], [blocks], [1]);
  return emit.reshape(own, [rows, blocks, 1]);
}

/** Weights of few bits. */
export const quantised: LoweringFamily = {
  DequantizeLinear: dequantise,
  'com.microsoft.MatMulNBits': matmulBits,
};
