import { floatOf, intOf } from '../attributes';
import type { Emitter, Term } from '../differentiate/emitter';
import { attend, penalty, split, type Heads } from './attend';
import { hasAny, type Lowering, type LoweringContext, type LoweringFamily } from './lowering';
import { rotate, rotatedHeads } from './rotary';

/** The mask of fused attention, as its documentation lists the forms, to be added to scores; a text where it is another. */
function maskBias(
  context: LoweringContext,
  slot: number,
  like: Term,
  batch: number,
  keys: number,
): Term | string | null {
  const { emit, node, input } = context;
  const mask = input(slot);
  if (mask === null) return hasAny(node.inputs, [slot]) ? 'its mask is of unknown size' : null;
  const rank = mask.shape.length;
  const filter = floatOf(node, 'mask_filter_value', -10000);
  const places = (): Term => emit.range([1, 1, 1, keys], 'int32');
  if (rank === 1 && mask.shape[0] === batch) {
    const inside = emit.compare('Less', places(), emit.reshape(mask, [batch, 1, 1, 1]));
    return penalty(emit, inside, like, filter);
  }
  if (rank !== 2 && rank !== 3) return `its mask has the shape [${mask.shape.join(', ')}]`;
  const shape = rank === 2 ? [batch, 1, 1, keys] : [batch, 1, mask.shape[1] ?? 1, keys];
  const zero = { name: emit.draft.constant(mask.type, [], [0]), shape: [], type: mask.type };
  return penalty(emit, emit.compare('Greater', emit.reshape(mask, shape), zero), like, filter);
}

/** Keys and values behind those of earlier positions. */
function withPast(emit: Emitter, heads: Heads, key: Term | null, value: Term | null): Heads {
  if (key === null || value === null || key.shape[2] === 0) return heads;
  return {
    ...heads,
    key: emit.concat([key, heads.key], 2),
    value: emit.concat([value, heads.value], 2),
  };
}

interface Fused {
  readonly heads: Heads;
  /** Positions that keys have before the first query's. */
  readonly past: number;
  readonly mask: number;
  readonly bias: number;
}

function scored(context: LoweringContext, { heads, past, mask, bias }: Fused): Term | string {
  const { emit, node, input } = context;
  const [batch = 1] = heads.query.shape;
  const masked = maskBias(context, mask, heads.query, batch, heads.key.shape[2] ?? 1);
  if (typeof masked === 'string') return masked;
  const scale = floatOf(node, 'scale', 0);
  return attend(emit, heads, {
    scale: scale === 0 ? null : scale,
    biases: [masked, input(bias)],
    hiddenFrom: intOf(node, 'unidirectional', 0) === 0 ? null : past + 1,
    softcap: 0,
  });
}

/** Input times one matrix with queries, keys and values side by side (com.microsoft). */
const attention: Lowering = (context) => {
  const { emit, node, input } = context;
  const [x, weights, bias, past] = [input(0), input(1), input(2), input(4)];
  if (x === null || weights === null) return 'its inputs are of unknown size';
  if (intOf(node, 'do_rotary', 0) !== 0) return 'it rotates queries and keys';
  if (hasAny(node.inputs, [6]) || intOf(node, 'past_present_share_buffer', 0) !== 0)
    return 'it writes into its past';
  const third = (weights.shape[1] ?? 3) / 3;
  const given = node.attributes.get('qkv_hidden_sizes');
  const sizes = given?.kind === 'ints' && given.value.length === 3 ? given.value : [third, third, third];
  const product = emit.matmul(x, weights);
  const parts = emit.split(bias === null ? product : emit.add(product, bias), sizes, 2);
  const [query, key, value] = parts.map((part) => split(emit, part, intOf(node, 'num_heads', 1)));
  if (!query || !key || !value) return 'its matrix has no three parts';
  const pasts =
    past === null ? [] : emit.split(past, [1, 1], 0).map((one) => emit.reshape(one, past.shape.slice(1)));
  const heads = withPast(emit, { query, key, value }, pasts[0] ?? null, pasts[1] ?? null);
  const found = scored(context, { heads, past: past?.shape[3] ?? 0, mask: 3, bias: 5 });
  if (typeof found === 'string') return found;
  const present = [heads.key, heads.value].map((one) => emit.reshape(one, [1, ...one.shape]));
  return [found, hasAny(node.outputs, [1]) ? emit.concat(present, 0) : null];
};

/** Queries, keys and values of their own; one bias for all three (com.microsoft). */
const multiHead: Lowering = (context) => {
  const { emit, node, input } = context;
  const count = intOf(node, 'num_heads', 1);
  if (hasAny(node.inputs, [8, 9])) return 'it writes into its past';
  if (hasAny(node.outputs, [3])) return 'its scores are used';
  const found = multiHeads(context, count);
  if (typeof found === 'string') return found;
  const heads = withPast(emit, found, input(6), input(7));
  const past = input(6)?.shape[2] ?? 0;
  const attended = scored(context, { heads, past, mask: 4, bias: 5 });
  return typeof attended === 'string' ? attended : [attended, heads.key, heads.value];
};

function multiHeads({ emit, input }: LoweringContext, count: number): Heads | string {
  const [query, key, value, bias] = [input(0), input(1), input(2), input(3)];
  if (query === null) return 'its inputs are of unknown size';
  if (query.shape.length !== 3) return 'its inputs are packed';
  if (key === null || value === null) return 'its keys and values are packed';
  if (key.shape.length === 4) {
    return bias === null ? { query: split(emit, query, count), key, value } : 'its keys are split already';
  }
  const sizes = [query, key, value].map(({ shape }) => shape[2] ?? 1);
  const biases = bias === null ? [] : emit.split(bias, sizes, 0);
  const headed = (x: Term, own: Term | undefined): Term => split(emit, own ? emit.add(x, own) : x, count);
  return {
    query: headed(query, biases[0]),
    key: headed(key, biases[1]),
    value: headed(value, biases[2]),
  };
}

/** Groups of query heads share keys and values; causal; rotated where the node says so (com.microsoft). No past. */
const groupQuery: Lowering = (context) => {
  const { emit, node, input } = context;
  const query = input(0);
  if (query === null) return 'its inputs are of unknown size';
  const [batch = 1, positions = 1, width = 1] = query.shape;
  if ((input(3)?.shape[2] ?? 0) !== 0) return 'it has a past';
  if (intOf(node, 'local_window_size', -1) !== -1) return 'it looks back a limited way only';
  if (intOf(node, 'smooth_softmax', 0) !== 0 || hasAny(node.inputs, [11])) return 'its softmax has a sink';
  const [count, shared] = [intOf(node, 'num_heads', 1), intOf(node, 'kv_num_heads', 1)];
  const size = width / (hasAny(node.inputs, [1]) ? count : count + 2 * shared);
  const [q, k, v] = hasAny(node.inputs, [1])
    ? [query, input(1), input(2)]
    : emit.split(query, [count * size, shared * size, shared * size], 2);
  if (!q || !k || !v) return 'it has no keys or values';
  let [turned, keys] = [split(emit, q, count), split(emit, k, shared)];
  if (intOf(node, 'do_rotary', 0) !== 0) {
    const [cosines, sines] = [input(7), input(8)];
    if (cosines === null || sines === null) return 'it has no angles to rotate by';
    const places = input(9) ?? emit.range([1, positions]);
    const angles = rotate(emit, cosines, sines, places, batch, positions);
    const interleaved = intOf(node, 'rotary_interleaved', 0) !== 0;
    [turned, keys] = [turned, keys].map((x) => rotatedHeads(emit, x, angles, interleaved)) as [Term, Term];
  }
  const heads = { query: turned, key: keys, value: split(emit, v, shared) };
  const scale = floatOf(node, 'scale', 0);
  const attended = attend(emit, heads, {
    scale: scale === 0 ? null : scale,
    biases: [input(10)],
    hiddenFrom: 1,
    softcap: floatOf(node, 'softcap', 0),
  });
  return [attended, heads.key, heads.value];
};

/** Attention of the standard operators (set 23). */
const standard: Lowering = (context) => {
  const { emit, node, input } = context;
  const [q, k, v, mask] = [input(0), input(1), input(2), input(3)];
  if (q === null || k === null || v === null) return 'its inputs are of unknown size';
  if (hasAny(node.outputs, [3])) return 'its scores are used';
  if (hasAny(node.inputs, [6])) return 'it pads its keys';
  const flat = q.shape.length === 3;
  const shared = intOf(node, 'kv_num_heads', 1);
  const own = flat
    ? {
        query: split(emit, q, intOf(node, 'q_num_heads', 1)),
        key: split(emit, k, shared),
        value: split(emit, v, shared),
      }
    : { query: q, key: k, value: v };
  const heads = withPast(emit, own, input(4), input(5));
  const scale = floatOf(node, 'scale', 0);
  const bias = mask?.type === 'bool' ? penalty(emit, mask, q, -3e38) : mask;
  const attended = attend(emit, heads, {
    scale: scale === 0 ? null : scale,
    biases: [bias],
    hiddenFrom: intOf(node, 'is_causal', 0) === 0 ? null : 1 + (input(4)?.shape[2] ?? 0),
    softcap: floatOf(node, 'softcap', 0),
  });
  return [flat ? attended : split(emit, attended, own.query.shape[1] ?? 1), heads.key, heads.value];
};

/** Attention, fused by the runtime's optimiser or standard. */
export const attentions: LoweringFamily = {
  Attention: standard,
  'com.microsoft.Attention': attention,
  'com.microsoft.MultiHeadAttention': multiHead,
  'com.microsoft.GroupQueryAttention': groupQuery,
};
