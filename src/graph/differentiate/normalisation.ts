import { floatOf, intOf } from '../attributes';
import type { Emitter, Term } from './emitter';
import { positive, type Rule, type RuleFamily } from './rule';

/** Axes `first … rank − 1`. */
function axesFrom(first: number, rank: number): readonly number[] {
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/**
 * `dx = r (g − mean(g) − x̂ mean(g x̂))` with `g = dy γ`, `x̂ = (x − μ) r` and r = 1/√(σ² + ε); without centring
 * (root mean square) the first mean is left out.
 */
function normalised(
  emit: Emitter,
  g: Term,
  unit: Term,
  inverse: Term,
  axes: readonly number[],
  centred: boolean,
): Term {
  const projected = emit.mul(unit, emit.reduce('ReduceMean', emit.mul(g, unit), axes));
  const rest = emit.sub(g, projected);
  return emit.mul(inverse, centred ? emit.sub(rest, emit.reduce('ReduceMean', g, axes)) : rest);
}

/** x̂ and r over `axes`, computed again from x. */
export function standardise(
  emit: Emitter,
  x: Term,
  axes: readonly number[],
  epsilon: number,
  centred = true,
): { readonly unit: Term; readonly inverse: Term } {
  const middle = centred ? emit.sub(x, emit.reduce('ReduceMean', x, axes)) : x;
  const variance = emit.reduce('ReduceMean', emit.mul(middle, middle), axes);
  const inverse = emit.map('Reciprocal', emit.map('Sqrt', emit.shift(variance, epsilon)));
  return { unit: emit.mul(middle, inverse), inverse };
}

const layerNormalisation =
  (centred: boolean): Rule =>
  (context) => {
    const { emit, node } = context;
    const [dy, x, gamma, beta] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
    if (dy === null || x === null || gamma === null) return [null, null, null];
    const axes = axesFrom(positive(intOf(node, 'axis', -1), x.shape.length), x.shape.length);
    const { unit, inverse } = standardise(emit, x, axes, floatOf(node, 'epsilon', 1e-5), centred);
    return [
      context.wants(0) ? normalised(emit, emit.mul(dy, gamma), unit, inverse, axes, centred) : null,
      context.wants(1) ? emit.sumTo(emit.mul(dy, unit), gamma.shape) : null,
      beta !== null && context.wants(2) ? emit.sumTo(dy, beta.shape) : null,
    ];
  };

/** A vector over channels, to be broadcast over batch and space. */
function perChannel(emit: Emitter, values: Term, rank: number): Term {
  return emit.reshape(values, [values.shape[0] ?? 1, ...Array<number>(Math.max(0, rank - 2)).fill(1)]);
}

/** As networks infer: with stored mean and variance, `y = γ (x − μ)/√(σ² + ε) + β`. */
const batchNormalisation: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, gamma, beta] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  const [mean, variance] = [context.input(3), context.input(4)];
  if (dy === null || x === null || gamma === null || beta === null || mean === null || variance === null)
    return [];
  if (intOf(node, 'training_mode', 0) !== 0) return 'it is in training mode';
  const rank = x.shape.length;
  const spread = emit.shift(variance, floatOf(node, 'epsilon', 1e-5));
  const inverse = emit.map('Reciprocal', emit.map('Sqrt', spread));
  const others = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const total = (t: Term): Term => emit.reshape(emit.reduce('ReduceSum', t, others), gamma.shape);
  const centred = (): Term => emit.sub(x, perChannel(emit, mean, rank));
  const slope = emit.mul(gamma, inverse);
  const wantsScale = context.wants(1) || context.wants(4);
  const dotted = wantsScale ? total(emit.mul(dy, centred())) : null;
  const summed = context.wants(2) || context.wants(3) ? total(dy) : null;
  return [
    context.wants(0) ? emit.mul(dy, perChannel(emit, slope, rank)) : null,
    context.wants(1) && dotted ? emit.mul(dotted, inverse) : null,
    context.wants(2) ? summed : null,
    context.wants(3) && summed ? emit.neg(emit.mul(summed, slope)) : null,
    // ∂r/∂σ² = −r/(2(σ² + ε)).
    context.wants(4) && dotted ? emit.scale(emit.div(emit.mul(dotted, slope), spread), -0.5) : null,
  ];
};

/** Every channel of every sample over its space. */
const instanceNormalisation: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, gamma, beta] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  if (dy === null || x === null || gamma === null || beta === null) return [null, null, null];
  const axes = axesFrom(2, x.shape.length);
  const { unit, inverse } = standardise(emit, x, axes, floatOf(node, 'epsilon', 1e-5));
  const others = [0, ...axes];
  const total = (t: Term): Term => emit.reshape(emit.reduce('ReduceSum', t, others), gamma.shape);
  const g = emit.mul(dy, perChannel(emit, gamma, x.shape.length));
  return [
    context.wants(0) ? normalised(emit, g, unit, inverse, axes, true) : null,
    context.wants(1) ? total(emit.mul(dy, unit)) : null,
    context.wants(2) ? total(dy) : null,
  ];
};

/** Groups of channels; γ and β per channel (set 21) or per group (set 18). */
const groupNormalisation: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, gamma, beta] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  if (dy === null || x === null || gamma === null || beta === null) return [null, null, null];
  const [batch = 1, channels = 1, ...space] = x.shape;
  const groups = intOf(node, 'num_groups', 1);
  const grouped = [batch, groups, channels / groups, ...space];
  const axes = axesFrom(2, grouped.length);
  const { unit, inverse } = standardise(emit, emit.reshape(x, grouped), axes, floatOf(node, 'epsilon', 1e-5));
  const each = gamma.shape[0] === channels ? channels / groups : 1;
  const scale = emit.reshape(gamma, [groups, each, ...space.map(() => 1)]);
  const dyGrouped = emit.reshape(dy, grouped);
  const total = (t: Term): Term => emit.reshape(emit.sumTo(t, scale.shape), gamma.shape);
  const g = emit.mul(dyGrouped, scale);
  return [
    context.wants(0) ? emit.reshape(normalised(emit, g, unit, inverse, axes, true), x.shape) : null,
    context.wants(1) ? total(emit.mul(dyGrouped, unit)) : null,
    context.wants(2) ? total(dyGrouped) : null,
  ];
};

/** `y = x/‖x‖ₚ` along one axis, p = 1 or 2. */
const lpNormalisation: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, y] = [context.gradient(0), context.input(0), context.output(0)];
  if (dy === null || x === null || y === null) return [null];
  const axes = [positive(intOf(node, 'axis', -1), x.shape.length)];
  const p = intOf(node, 'p', 2);
  const norm =
    p === 1
      ? emit.reduce('ReduceSum', emit.map('Abs', x), axes)
      : emit.map('Sqrt', emit.reduce('ReduceSum', emit.mul(x, x), axes));
  const direction = p === 1 ? emit.map('Sign', x) : y;
  const along = emit.reduce('ReduceSum', emit.mul(dy, y), axes);
  return [emit.div(emit.sub(dy, emit.mul(direction, along)), norm)];
};

/** Normalisations. */
export const normalisations: RuleFamily = {
  LayerNormalization: layerNormalisation(true),
  RMSNormalization: layerNormalisation(false),
  SimplifiedLayerNormalization: layerNormalisation(false),
  'com.microsoft.SimplifiedLayerNormalization': layerNormalisation(false),
  BatchNormalization: batchNormalisation,
  InstanceNormalization: instanceNormalisation,
  GroupNormalization: groupNormalisation,
  LpNormalization: lpNormalisation,
};
