import { floatOf, textOf } from '../attributes';
import type { Emitter, Term } from './emitter';
import { unary, type Rule, type RuleContext, type RuleFamily } from './rule';

/** A rule of `y = f(x)`: `derivative` gives f′ from x and y. */
function pointwise(derivative: (emit: Emitter, x: Term, y: Term, context: RuleContext) => Term): Rule {
  return unary((context, dy, x) => {
    const y = context.output(0);
    return y === null
      ? 'its output is unknown'
      : context.emit.mul(dy, derivative(context.emit, x, y, context));
  });
}

/** A rule of two broadcast inputs: `partials` gives the gradients before the sum over broadcast axes. */
function pairwise(
  partials: (
    emit: Emitter,
    dy: Term,
    a: Term,
    b: Term,
    context: RuleContext,
  ) => readonly [() => Term, () => Term],
): Rule {
  return (context) => {
    const [dy, a, b] = [context.gradient(0), context.input(0), context.input(1)];
    if (dy === null || a === null || b === null) return [null, null];
    const [da, db] = partials(context.emit, dy, a, b, context);
    return [
      context.wants(0) ? context.emit.sumTo(da(), a.shape) : null,
      context.wants(1) ? context.emit.sumTo(db(), b.shape) : null,
    ];
  };
}

/** 1 where a condition holds, else 0, in the type of `like`. */
function indicator(emit: Emitter, condition: Term, like: Term): Term {
  return emit.cast(condition, like.type);
}

/** `d xᵖ/dx = p xᵖ⁻¹`; for a constant p without a power of 0 or of negative numbers that NaN would come from. */
const power: Rule = (context) => {
  const { emit } = context;
  const [dy, x, p, y] = [context.gradient(0), context.input(0), context.input(1), context.output(0)];
  if (dy === null || x === null || p === null || y === null) return [null, null];
  const exponent = context.constant(1);
  let dx: Term | null = null;
  if (context.wants(0)) {
    const [only] = exponent ?? [];
    let slope: Term;
    if (exponent?.length === 1 && only !== undefined) {
      if (only === 2) slope = emit.scale(x, 2);
      else if (only === 1) slope = emit.expand(emit.scalar(x, 1), x.shape);
      else if (only === 0.5) slope = emit.div(emit.scalar(x, 0.5), y);
      else slope = emit.scale(emit.apply('Pow', [x, emit.scalar(x, only - 1)], x.shape), only);
    } else {
      const q = emit.cast(p, x.type);
      slope = emit.mul(q, emit.apply('Pow', [x, emit.shift(q, -1)], y.shape));
    }
    dx = emit.sumTo(emit.mul(dy, slope), x.shape);
  }
  if (!context.wants(1)) return [dx, null];
  // xᵖ ln x, which is 0 at x = 0 for p > 0.
  const positive = emit.compare('Greater', x, emit.scalar(x, 0));
  const log = emit.map('Log', emit.where(positive, x, emit.scalar(x, 1)));
  return [dx, emit.sumTo(emit.mul(dy, emit.mul(y, log)), p.shape)];
};

/** The gradient of a maximum goes to every input that reaches it, shared equally among equals as PyTorch does. */
const extreme: Rule = (context) => {
  const { emit, node } = context;
  const [dy, y] = [context.gradient(0), context.output(0)];
  if (dy === null || y === null) return [];
  const reached = node.inputs.map((_, slot) => {
    const x = context.input(slot);
    return x === null ? null : indicator(emit, emit.compare('Equal', x, y), y);
  });
  const present = reached.flatMap((one) => one ?? []);
  const count = present.slice(1).reduce((sum, one) => emit.add(sum, one), present[0] ?? emit.scalar(y, 1));
  const share = emit.div(dy, count);
  return node.inputs.map((_, slot) => {
    const [x, hit] = [context.input(slot), reached[slot]];
    if (x === null || hit === null || hit === undefined || !context.wants(slot)) return null;
    return emit.sumTo(emit.mul(share, hit), x.shape);
  });
};

const sum: Rule = (context) =>
  context.node.inputs.map((_, slot) => {
    const [dy, x] = [context.gradient(0), context.input(slot)];
    return dy === null || x === null || !context.wants(slot) ? null : context.emit.sumTo(dy, x.shape);
  });

const mean: Rule = (context) => {
  const gradients = sum(context);
  if (typeof gradients === 'string') return gradients;
  return gradients.map((one) => one && context.emit.scale(one, 1 / context.node.inputs.length));
};

/** Inside the bounds the gradient passes; at a bound it passes, too, as in PyTorch. */
const clip: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, y] = [context.gradient(0), context.input(0), context.output(0)];
  if (dy === null || x === null || y === null) return [null];
  if (node.inputs.slice(1).some((name, i) => name !== '' && context.wants(i + 1))) {
    return 'its bounds depend on weights';
  }
  return [emit.mul(dy, indicator(emit, emit.compare('Equal', x, y), x))];
};

const where: Rule = (context) => {
  const { emit } = context;
  const [dy, condition, a, b] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  if (dy === null || condition === null || a === null || b === null) return [null, null, null];
  const zero = emit.scalar(dy, 0);
  return [
    null,
    context.wants(1) ? emit.sumTo(emit.where(condition, dy, zero), a.shape) : null,
    context.wants(2) ? emit.sumTo(emit.where(condition, zero, dy), b.shape) : null,
  ];
};

const pass: Rule = unary((_, dy) => dy);
const zero: Rule = (context) => context.node.inputs.map(() => null);

/** ½(1 + erf(x/√2)) + x φ(x), or the same for the approximation by tanh (Hendrycks and Gimpel, arXiv:1606.08415). */
function geluSlope(emit: Emitter, x: Term, tanh: boolean): Term {
  if (!tanh) {
    const cdf = emit.scale(emit.shift(emit.map('Erf', emit.scale(x, Math.SQRT1_2)), 1), 0.5);
    const density = emit.scale(emit.map('Exp', emit.scale(emit.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return emit.add(cdf, emit.mul(x, density));
  }
  const c = Math.sqrt(2 / Math.PI);
  const square = emit.mul(x, x);
  const inner = emit.mul(x, emit.shift(emit.scale(square, 0.044715 * c), c));
  const t = emit.map('Tanh', inner);
  const slope = emit.shift(emit.scale(square, 3 * 0.044715 * c), c);
  const rest = emit.mul(emit.mul(x, emit.sub(emit.scalar(x, 1), emit.mul(t, t))), slope);
  return emit.scale(emit.add(emit.shift(t, 1), rest), 0.5);
}

function sigmoidSlope(emit: Emitter, y: Term): Term {
  return emit.mul(y, emit.sub(emit.scalar(y, 1), y));
}

/** `x · σ(αx)` and its slope, σ + αx σ(1 − σ). */
function swishSlope(emit: Emitter, x: Term, alpha: number): Term {
  const s = emit.map('Sigmoid', emit.scale(x, alpha));
  return emit.add(s, emit.scale(emit.mul(x, sigmoidSlope(emit, s)), alpha));
}

/** `onPositive` where x > 0, else `otherwise`. */
function sided(emit: Emitter, x: Term, onPositive: Term, otherwise: Term): Term {
  return emit.where(emit.compare('Greater', x, emit.scalar(x, 0)), onPositive, otherwise);
}

function between(emit: Emitter, x: Term, low: number, high: number): Term {
  const above = indicator(emit, emit.compare('Greater', x, emit.scalar(x, low)), x);
  return emit.mul(above, indicator(emit, emit.compare('Less', x, emit.scalar(x, high)), x));
}

const one = (emit: Emitter, x: Term): Term => emit.scalar(x, 1);

/** Operators that work on each entry for itself, with broadcasting. */
export const elementwise: RuleFamily = {
  Add: pairwise((_, dy) => [() => dy, () => dy]),
  Sub: pairwise((emit, dy) => [() => dy, () => emit.neg(dy)]),
  Mul: pairwise((emit, dy, a, b) => [() => emit.mul(dy, b), () => emit.mul(dy, a)]),
  Div: pairwise((emit, dy, a, b) => [
    () => emit.div(dy, b),
    () => emit.neg(emit.div(emit.mul(dy, a), emit.mul(b, b))),
  ]),
  Pow: power,
  Max: extreme,
  Min: extreme,
  Sum: sum,
  Mean: mean,
  Clip: clip,
  Where: where,
  Identity: pass,
  Dropout: pass,
  Cast: unary((context, dy, x) => context.emit.cast(dy, x.type)),
  CastLike: (context) => {
    const [dy, x] = [context.gradient(0), context.input(0)];
    return [dy && x && context.emit.cast(dy, x.type), null];
  },
  // Piecewise constant.
  Floor: zero,
  Ceil: zero,
  Round: zero,
  Sign: zero,
  ConstantOfShape: zero,
  Neg: pointwise((emit, x) => emit.scalar(x, -1)),
  Abs: pointwise((emit, x) => emit.map('Sign', x)),
  Sqrt: pointwise((emit, x, y) => emit.div(emit.scalar(x, 0.5), y)),
  Exp: pointwise((_, _x, y) => y),
  Log: pointwise((emit, x) => emit.map('Reciprocal', x)),
  Reciprocal: pointwise((emit, _, y) => emit.neg(emit.mul(y, y))),
  Sin: pointwise((emit, x) => emit.map('Cos', x)),
  Cos: pointwise((emit, x) => emit.neg(emit.map('Sin', x))),
  Tan: pointwise((emit, _, y) => emit.shift(emit.mul(y, y), 1)),
  Sinh: pointwise((emit, x) => emit.map('Cosh', x)),
  Cosh: pointwise((emit, x) => emit.map('Sinh', x)),
  Atan: pointwise((emit, x) => emit.map('Reciprocal', emit.shift(emit.mul(x, x), 1))),
  Tanh: pointwise((emit, x, y) => emit.sub(one(emit, x), emit.mul(y, y))),
  Sigmoid: pointwise((emit, _, y) => sigmoidSlope(emit, y)),
  Erf: pointwise((emit, x) => emit.scale(emit.map('Exp', emit.neg(emit.mul(x, x))), 2 / Math.sqrt(Math.PI))),
  Relu: pointwise((emit, x) => indicator(emit, emit.compare('Greater', x, emit.scalar(x, 0)), x)),
  LeakyRelu: pointwise((emit, x, _, { node }) =>
    sided(emit, x, one(emit, x), emit.scalar(x, floatOf(node, 'alpha', 0.01))),
  ),
  // α eˣ = y + α on the negative side.
  Elu: pointwise((emit, x, y, { node }) =>
    sided(emit, x, one(emit, x), emit.shift(y, floatOf(node, 'alpha', 1))),
  ),
  Celu: pointwise((emit, x, y, { node }) =>
    sided(emit, x, one(emit, x), emit.shift(emit.scale(y, 1 / floatOf(node, 'alpha', 1)), 1)),
  ),
  Selu: pointwise((emit, x, y, { node }) => {
    const [alpha, gamma] = [floatOf(node, 'alpha', 1.6732632), floatOf(node, 'gamma', 1.050701)];
    return sided(emit, x, emit.scalar(x, gamma), emit.shift(y, alpha * gamma));
  }),
  PRelu: pairwise((emit, dy, x, slope) => [
    () => emit.mul(dy, sided(emit, x, one(emit, x), slope)),
    () => emit.mul(dy, sided(emit, x, emit.scalar(x, 0), x)),
  ]),
  ThresholdedRelu: pointwise((emit, x, _, { node }) =>
    indicator(emit, emit.compare('Greater', x, emit.scalar(x, floatOf(node, 'alpha', 1))), x),
  ),
  Softplus: pointwise((emit, x) => emit.map('Sigmoid', x)),
  Softsign: pointwise((emit, x) => {
    const d = emit.shift(emit.map('Abs', x), 1);
    return emit.map('Reciprocal', emit.mul(d, d));
  }),
  HardSigmoid: pointwise((emit, x, _, { node }) => {
    const [alpha, beta] = [floatOf(node, 'alpha', 0.2), floatOf(node, 'beta', 0.5)];
    return emit.scale(between(emit, x, -beta / alpha, (1 - beta) / alpha), alpha);
  }),
  // x · max(0, min(1, x/6 + ½)).
  HardSwish: pointwise((emit, x) => {
    const inner = emit.mul(between(emit, x, -3, 3), emit.shift(emit.scale(x, 1 / 3), 0.5));
    return emit.add(inner, indicator(emit, emit.compare('GreaterOrEqual', x, emit.scalar(x, 3)), x));
  }),
  // x · tanh(softplus(x)), arXiv:1908.08681.
  Mish: pointwise((emit, x) => {
    const t = emit.map('Tanh', emit.map('Softplus', x));
    const slope = emit.mul(emit.sub(one(emit, x), emit.mul(t, t)), emit.map('Sigmoid', x));
    return emit.add(t, emit.mul(x, slope));
  }),
  Gelu: pointwise((emit, x, _, { node }) =>
    geluSlope(emit, x, textOf(node, 'approximate', 'none') === 'tanh'),
  ),
  Swish: pointwise((emit, x, _, { node }) => swishSlope(emit, x, floatOf(node, 'alpha', 1))),
  'com.microsoft.Gelu': pointwise((emit, x) => geluSlope(emit, x, false)),
  'com.microsoft.QuickGelu': pointwise((emit, x, _, { node }) =>
    swishSlope(emit, x, floatOf(node, 'alpha', 1.702)),
  ),
};
