import { intOf, intsOf } from '../attributes';
import type { Emitter, Term } from './emitter';
import { positive, type Rule, type RuleContext, type RuleFamily } from './rule';

/** Axes that a reduction reduces; `null` where they depend on data. */
function axesOf(context: RuleContext, x: Term): readonly number[] | null {
  const { node } = context;
  const rank = x.shape.length;
  const given = (node.inputs[1] ?? '') === '' ? (intsOf(node, 'axes') ?? []) : context.constant(1);
  if (given === null) return null;
  if (given.length > 0) return given.map((axis) => positive(axis, rank));
  return intOf(node, 'noop_with_empty_axes', 0) === 0 ? x.shape.map((_, axis) => axis) : [];
}

/** A rule from dy and y in a shape that is broadcast to that of x. */
function reduction(
  gradient: (emit: Emitter, dy: Term, x: Term, y: Term, count: number, axes: readonly number[]) => Term,
): Rule {
  return (context) => {
    const { emit } = context;
    const [dy, x, y] = [context.gradient(0), context.input(0), context.output(0)];
    if (dy === null || x === null || y === null) return [null];
    const axes = axesOf(context, x);
    if (axes === null) return 'its axes depend on data';
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const count = axes.reduce((product, axis) => product * (x.shape[axis] ?? 1), 1);
    const dx = gradient(emit, emit.reshape(dy, kept), x, emit.reshape(y, kept), count, axes);
    return [emit.expand(dx, x.shape)];
  };
}

/** Shared equally among the entries that reach the extreme, as PyTorch's `amax` does. */
const extreme = reduction((emit, dy, x, y, _, axes) => {
  const reached = emit.cast(emit.compare('Equal', x, y), x.type);
  return emit.mul(reached, emit.div(dy, emit.reduce('ReduceSum', reached, axes)));
});

const logSumExp = reduction((emit, dy, x, y) => emit.mul(dy, emit.map('Exp', emit.sub(x, y))));

/** Sums and other reductions over axes. */
export const reductions: RuleFamily = {
  ReduceSum: reduction((_, dy) => dy),
  ReduceMean: reduction((emit, dy, _x, _y, count) => emit.scale(dy, 1 / count)),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceL1: reduction((emit, dy, x) => emit.mul(dy, emit.map('Sign', x))),
  // 0 where the norm is 0, as PyTorch has it.
  ReduceL2: reduction((emit, dy, x, y) => {
    const safe = emit.where(emit.compare('Equal', y, emit.scalar(y, 0)), emit.scalar(y, 1), y);
    return emit.mul(dy, emit.div(x, safe));
  }),
  ReduceSumSquare: reduction((emit, dy, x) => emit.mul(dy, emit.scale(x, 2))),
  ReduceLogSum: reduction((emit, dy, _, y) => emit.div(dy, emit.map('Exp', y))),
  ReduceLogSumExp: logSumExp,
  // ∏/x; the product of the others is not to be had so where an entry is 0, which is left as NaN.
  ReduceProd: reduction((emit, dy, x, y) => emit.mul(dy, emit.div(y, x))),
};
