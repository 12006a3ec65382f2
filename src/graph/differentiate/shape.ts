import { intOf, intsOf, textOf } from '../attributes';
import { sizeOf, type Emitter, type Term } from './emitter';
import { positive, unary, type Rule, type RuleContext, type RuleFamily } from './rule';

const reshaped: Rule = unary((context, dy, x) => context.emit.reshape(dy, x.shape));

const transposed: Rule = unary((context, dy, x) => {
  const perm = intsOf(context.node, 'perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  return context.emit.transpose(
    dy,
    perm.map((_, i) => perm.indexOf(i)),
  );
});

const concatenated: Rule = (context) => {
  const { emit, node } = context;
  const dy = context.gradient(0);
  if (dy === null) return [];
  const axis = positive(intOf(node, 'axis', 0), dy.shape.length);
  let start = 0;
  return node.inputs.map((_, slot) => {
    const x = context.input(slot);
    const end = start + (x?.shape[axis] ?? 0);
    const part = x !== null && context.wants(slot) ? emit.slice(dy, [start], [end], [axis]) : null;
    start = end;
    return part;
  });
};

/** The parts' gradients side by side; zeros for parts that nothing depends on. */
const split: Rule = (context) => {
  const { emit, node } = context;
  const x = context.input(0);
  if (x === null) return [null];
  const axis = positive(intOf(node, 'axis', 0), x.shape.length);
  const parts = node.outputs.map((_, i) => {
    const y = context.output(i);
    return context.gradient(i) ?? (y === null ? null : emit.zeros(x.type, y.shape));
  });
  return [
    emit.concat(
      parts.flatMap((part) => part ?? []),
      axis,
    ),
  ];
};

/** Inside is padded with zeros where every step is 1; other steps go by the index trick. */
const sliced: Rule = (context) => {
  const { emit } = context;
  const [dy, x] = [context.gradient(0), context.input(0)];
  if (dy === null || x === null) return [null];
  const [starts, ends] = [context.constant(1), context.constant(2)];
  if (starts === null || ends === null) return byIndices(context);
  const axes = context.constant(3) ?? starts.map((_, i) => i);
  const steps = context.constant(4) ?? starts.map(() => 1);
  if (steps.some((step) => step !== 1)) return byIndices(context);
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  for (const [i, given] of axes.entries()) {
    const axis = positive(given, x.shape.length);
    const size = x.shape[axis] ?? 0;
    const within = (at: number): number => Math.max(0, Math.min(size, at < 0 ? at + size : at));
    const start = within(starts[i] ?? 0);
    before[axis] = start;
    after[axis] = size - start - (dy.shape[axis] ?? 0);
  }
  return [emit.pad(dy, before, after)];
};

const padded: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x] = [context.gradient(0), context.input(0)];
  if (dy === null || x === null) return [null];
  if (context.wants(2)) return 'its constant depends on weights';
  const pads = context.constant(1);
  if (pads === null || textOf(node, 'mode', 'constant') !== 'constant') return byIndices(context);
  const axes = (context.constant(3) ?? x.shape.map((_, i) => i)).map((axis) =>
    positive(axis, x.shape.length),
  );
  const starts = axes.map((_, i) => pads[i] ?? 0);
  const ends = axes.map((axis, i) => (pads[i] ?? 0) + (x.shape[axis] ?? 0));
  if (starts.every((start) => start >= 0) && pads.every((count) => count >= 0)) {
    return [emit.slice(dy, starts, ends, axes)];
  }
  return byIndices(context);
};

const tiled: Rule = unary((context, dy, x) => {
  const { emit } = context;
  const counts = dy.shape.map((size, i) => size / (x.shape[i] ?? 1));
  const apart = counts.flatMap((count, i) => [count, x.shape[i] ?? 1]);
  const sums = emit.reduce(
    'ReduceSum',
    emit.reshape(dy, apart),
    counts.map((_, i) => 2 * i),
  );
  return emit.reshape(sums, x.shape);
});

/**
 * The index trick, for any operator that only moves entries: the node applied to 1 … n instead of its input tells where
 * each entry of the output came from (0: from nowhere), and the gradient is added up there. The runtime works the
 * indices out once, when the session is made.
 */
export function byIndices(context: RuleContext): readonly (Term | null)[] | string {
  const { emit, node } = context;
  const [dy, x] = [context.gradient(0), context.input(0)];
  if (dy === null || x === null) return [null];
  if (sizeOf(x.shape) > 2 ** 24) return 'it moves more than 2^24 entries';
  const inputs = node.inputs.map((_, slot) =>
    slot === 0 ? numbered(emit, x, node.op) : context.input(slot),
  );
  const attributes = Object.fromEntries(node.attributes);
  // Padding by a constant pads with 0, which stands for "from nowhere".
  if (node.op === 'Pad') inputs[2] = null;
  const moved = emit.apply(node.op, inputs, dy.shape, attributes, inputs[0]?.type ?? 'int64');
  return [gathered(emit, dy, emit.cast(moved, 'int64'), x)];
}

/** Entries 1 … n; as float32 for the operators whose kernels take nothing else, exact up to 2^24. */
function numbered(emit: Emitter, x: Term, op: string): Term {
  return emit.range(x.shape, FLOAT_KERNELS.has(op) ? 'float32' : 'int64', 1);
}

const FLOAT_KERNELS = new Set(['DepthToSpace', 'SpaceToDepth', 'Resize', 'Trilu', 'ReverseSequence']);

/** `dx[i] = Σ dy[j]` over the j whose index is i + 1. */
function gathered(emit: Emitter, dy: Term, indices: Term, x: Term): Term {
  const count = sizeOf(dy.shape);
  const target = emit.zeros(x.type, [sizeOf(x.shape) + 1]);
  const sums = emit.scatterAdd(target, emit.reshape(indices, [count]), emit.reshape(dy, [count]), 0);
  return emit.reshape(emit.slice(sums, [1], [sizeOf(x.shape) + 1], [0]), x.shape);
}

const triangle: Rule = unary((context, dy) => {
  const { emit, node } = context;
  const attributes = Object.fromEntries(node.attributes);
  return emit.apply('Trilu', [dy, context.input(1)], dy.shape, attributes);
});

/** Operators that move entries and compute nothing. */
export const movements: RuleFamily = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transposed,
  Expand: unary((context, dy, x) => context.emit.sumTo(dy, x.shape)),
  Concat: concatenated,
  Split: split,
  Slice: sliced,
  Pad: padded,
  Tile: tiled,
  Trilu: triangle,
  DepthToSpace: byIndices,
  SpaceToDepth: byIndices,
  ReverseSequence: byIndices,
};
