import { intOf, text, textOf, int } from '../attributes';
import { sizeOf, type Emitter, type Term } from './emitter';
import { positive, unary, type Rule, type RuleContext, type RuleFamily } from './rule';

/** Adds `updates` at rows `indices` (…, k) of zeros: what every gather has been given, back where it came from. */
function scatterNd(emit: Emitter, like: Term, indices: Term, updates: Term): Term {
  const zeros = emit.zeros(like.type, like.shape);
  return emit.apply('ScatterND', [zeros, emit.cast(indices, 'int64'), updates], like.shape, {
    reduction: text('add'),
  });
}

/** The rows of an embedding, or slices along any axis: moved to the front, added up, and moved back. */
const gather: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, indices] = [context.gradient(0), context.input(0), context.input(1)];
  if (dy === null || x === null || indices === null) return [null, null];
  const axis = positive(intOf(node, 'axis', 0), x.shape.length);
  const wide = indices.shape.length;
  const order = dy.shape.map((_, i) => i);
  const atFront = [...order.slice(axis, axis + wide), ...order.slice(0, axis), ...order.slice(axis + wide)];
  const updates = emit.transpose(dy, atFront);
  const axes = x.shape.map((_, i) => i);
  const perm = [axis, ...axes.filter((one) => one !== axis)];
  const turned: Term = { ...x, shape: perm.map((one) => x.shape[one] ?? 1) };
  const sums = scatterNd(emit, turned, emit.reshape(indices, [...indices.shape, 1]), updates);
  return [
    emit.transpose(
      sums,
      axes.map((one) => perm.indexOf(one)),
    ),
    null,
  ];
};

const gatherElements: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, indices] = [context.gradient(0), context.input(0), context.input(1)];
  if (dy === null || x === null || indices === null) return [null, null];
  return [emit.scatterAdd(emit.zeros(x.type, x.shape), indices, dy, intOf(node, 'axis', 0)), null];
};

/** Indices of GatherND with the coordinates of its batch axes before them. */
function fullIndices(emit: Emitter, indices: Term, batchAxes: number): Term {
  const wide = emit.cast(indices, 'int64');
  const lead = [...indices.shape.slice(0, -1), 1];
  const grids = Array.from({ length: batchAxes }, (_, axis) => {
    const shape = lead.map((size, i) => (i === axis ? size : 1));
    return emit.expand(emit.range(shape), lead);
  });
  return batchAxes === 0 ? wide : emit.concat([...grids, wide], lead.length - 1);
}

const gatherNd: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, indices] = [context.gradient(0), context.input(0), context.input(1)];
  if (dy === null || x === null || indices === null) return [null, null];
  return [scatterNd(emit, x, fullIndices(emit, indices, intOf(node, 'batch_dims', 0)), dy), null];
};

/** A rule of data that is overwritten, or added to, at places. */
function scattered(
  gathered: (context: RuleContext, dy: Term, indices: Term, updates: Term) => Term,
  cleared: (context: RuleContext, dy: Term, indices: Term, zeros: Term) => Term,
): Rule {
  return (context) => {
    const { emit, node } = context;
    const [dy, indices, updates] = [context.gradient(0), context.input(1), context.input(2)];
    if (dy === null || indices === null || updates === null) return [null, null, null];
    const reduction = textOf(node, 'reduction', 'none');
    if (reduction !== 'none' && reduction !== 'add') return `its reduction is "${reduction}"`;
    const data = (): Term =>
      reduction === 'add' ? dy : cleared(context, dy, indices, emit.zeros(dy.type, updates.shape));
    return [
      context.wants(0) ? data() : null,
      null,
      context.wants(2) ? gathered(context, dy, indices, updates) : null,
    ];
  };
}

const scatterNdRule = scattered(
  ({ emit }, dy, indices, updates) =>
    emit.apply('GatherND', [dy, emit.cast(indices, 'int64')], updates.shape),
  ({ emit }, dy, indices, zeros) => emit.apply('ScatterND', [dy, indices, zeros], dy.shape),
);

const scatterElementsRule = scattered(
  ({ emit, node }, dy, indices, updates) =>
    emit.apply('GatherElements', [dy, indices], updates.shape, { axis: int(intOf(node, 'axis', 0)) }),
  ({ emit, node }, dy, indices, zeros) =>
    emit.apply('ScatterElements', [dy, indices, zeros], dy.shape, { axis: int(intOf(node, 'axis', 0)) }),
);

/** The largest entries: the gradient goes where they came from. */
const topK: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, indices] = [context.gradient(0), context.input(0), context.output(1)];
  if (dy === null || x === null || indices === null) return [null, null];
  const axis = positive(intOf(node, 'axis', -1), x.shape.length);
  return [emit.scatterAdd(emit.zeros(x.type, x.shape), indices, dy, axis), null];
};

/** The sum of all that came after: the same operator from the other end. */
const cumulated: Rule = unary((context, dy) => {
  const { emit, node } = context;
  const reverse = 1 - intOf(node, 'reverse', 0);
  const attributes = { reverse: int(reverse), exclusive: int(intOf(node, 'exclusive', 0)) };
  return emit.apply('CumSum', [dy, context.input(1)], dy.shape, attributes);
});

const compress: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, condition] = [context.gradient(0), context.input(0), context.input(1)];
  if (dy === null || x === null || condition === null) return [null, null];
  const flat = !node.attributes.has('axis');
  if (!flat) return 'it keeps slices along an axis';
  const places = emit.apply('Compress', [emit.range([sizeOf(x.shape)]), condition], dy.shape, {}, 'int64');
  const sums = emit.scatterAdd(emit.zeros(x.type, [sizeOf(x.shape)]), places, dy, 0);
  return [emit.reshape(sums, x.shape), null];
};

/** Operators that pick entries by indices, or put them there. */
export const gathersAndScatters: RuleFamily = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterND: scatterNdRule,
  ScatterElements: scatterElementsRule,
  Scatter: scatterElementsRule,
  TopK: topK,
  CumSum: cumulated,
  Compress: compress,
};
