import { intOf, intsOf } from '../attributes';
import { sizeOf, type Emitter, type Term } from './emitter';
import { unary, type Rule, type RuleFamily } from './rule';
import { spread, windowsOf, type Windows } from './windows';

/** The operator's second output tells where each maximum was, counted over the whole tensor. */
const maxPool: Rule = unary((context, dy, x) => {
  const { emit, node } = context;
  if (intOf(node, 'storage_order', 0) !== 0) return 'it counts places column by column';
  const places = context.extraOutput(1, dy.shape, 'int64');
  const zeros = emit.zeros(x.type, [sizeOf(x.shape)]);
  const count = [sizeOf(dy.shape)];
  const sums = emit.scatterAdd(zeros, emit.reshape(places, count), emit.reshape(dy, count), 0);
  return emit.reshape(sums, x.shape);
});

/** Each entry of the input gets a share of every window that it is in. */
const averagePool: Rule = unary((context, dy, x) => {
  const { emit, node } = context;
  const sizes = x.shape.slice(2);
  const channels = x.shape[1] ?? 1;
  const kernel = intsOf(node, 'kernel_shape') ?? sizes;
  const windows = { ...windowsOf(node, kernel, sizes, dy.shape.slice(2)), group: channels };
  const shares = emit.div(dy, counts(emit, dy, sizes, windows, intOf(node, 'count_include_pad', 0) !== 0));
  const ones = emit.expand(emit.scalar(x, 1), [channels, 1, ...kernel]);
  return spread(emit, shares, ones, windows, channels, sizes);
});

/** How many entries each window has, as a product over axes; with the padding, or without. */
function counts(emit: Emitter, dy: Term, sizes: readonly number[], windows: Windows, padding: boolean): Term {
  const outputs = dy.shape.slice(2);
  return outputs.reduce<Term>(
    (product, count, axis) => {
      const [stride, dilation, before] = [
        windows.strides[axis] ?? 1,
        windows.dilations[axis] ?? 1,
        windows.before[axis] ?? 0,
      ];
      const first = padding ? -before : 0;
      const end = (sizes[axis] ?? 0) + (padding ? (windows.after[axis] ?? 0) : 0);
      const values = Array.from({ length: count }, (_, at) => {
        const start = at * stride - before;
        const inside = Array.from({ length: windows.kernel[axis] ?? 1 }, (__, k) => start + k * dilation);
        return inside.filter((place) => place >= first && place < end).length;
      });
      const shape = outputs.map((_, i) => (i === axis ? count : 1));
      return emit.mul(product, { name: emit.draft.constant(dy.type, shape, values), shape, type: dy.type });
    },
    emit.scalar(dy, 1),
  );
}

const globalAverage: Rule = unary((context, dy, x) => {
  const { emit } = context;
  return emit.expand(emit.scale(dy, 1 / sizeOf(x.shape.slice(2))), x.shape);
});

const globalMax: Rule = unary((context, dy, x) => {
  const { emit } = context;
  const y = context.output(0);
  if (y === null) return 'its output is unknown';
  const reached = emit.cast(emit.compare('Equal', x, y), x.type);
  const axes = x.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []));
  return emit.mul(reached, emit.div(dy, emit.reduce('ReduceSum', reached, axes)));
});

/** Poolings. */
export const poolings: RuleFamily = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
};
