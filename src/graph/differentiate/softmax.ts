import { intOf } from '../attributes';
import { positive, unary, type RuleFamily } from './rule';

/** Normalised exponentials: `dx = y (dy − Σ y dy)`, and `dx = dy − eʸ Σ dy` of the logarithm. */
export const softmaxes: RuleFamily = {
  Softmax: unary((context, dy, x) => {
    const { emit, node } = context;
    const y = context.output(0);
    if (y === null) return 'its output is unknown';
    const axis = positive(intOf(node, 'axis', -1), x.shape.length);
    return emit.mul(y, emit.sub(dy, emit.reduce('ReduceSum', emit.mul(y, dy), [axis])));
  }),
  LogSoftmax: unary((context, dy, x) => {
    const { emit, node } = context;
    const y = context.output(0);
    if (y === null) return 'its output is unknown';
    const axis = positive(intOf(node, 'axis', -1), x.shape.length);
    return emit.sub(dy, emit.mul(emit.map('Exp', y), emit.reduce('ReduceSum', dy, [axis])));
  }),
};
