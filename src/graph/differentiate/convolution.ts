import { int, ints } from '../attributes';
import type { Rule, RuleFamily } from './rule';
import { correlate, spread, windowsOf } from './windows';

/** `y = x ∗ w + b`: dx is the transposed convolution of dy, dw the correlation of x with dy. */
const convolution: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, w, b] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  if (dy === null || x === null || w === null) return [null, null, null];
  const sizes = x.shape.slice(2);
  const windows = windowsOf(node, w.shape.slice(2), sizes, dy.shape.slice(2));
  const others = dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return [
    context.wants(0) ? spread(emit, dy, w, windows, x.shape[1] ?? 1, sizes) : null,
    context.wants(1) ? correlate(emit, x, dy, windows) : null,
    b !== null && context.wants(2) ? emit.reshape(emit.reduce('ReduceSum', dy, others), b.shape) : null,
  ];
};

/** The roles exchanged: dx is the convolution of dy, dw the correlation of dy with x. */
const transposedConvolution: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x, w, b] = [context.gradient(0), context.input(0), context.input(1), context.input(2)];
  if (dy === null || x === null || w === null) return [null, null, null];
  if (node.attributes.has('output_shape')) return 'its padding follows from a given output shape';
  const windows = windowsOf(node, w.shape.slice(2), dy.shape.slice(2), x.shape.slice(2));
  const { kernel, strides, dilations, group, before, after } = windows;
  const attributes = {
    strides: ints(strides),
    dilations: ints(dilations),
    group: int(group),
    kernel_shape: ints(kernel),
    pads: ints([...before, ...after]),
  };
  const others = dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const back = (): ReturnType<typeof emit.apply> => {
    // Output padding adds rows at the end that a convolution without it may take for one more window.
    const found = emit.apply('Conv', [dy, w], x.shape, attributes);
    return emit.slice(
      found,
      kernel.map(() => 0),
      x.shape.slice(2),
      kernel.map((_, i) => i + 2),
    );
  };
  return [
    context.wants(0) ? back() : null,
    context.wants(1) ? correlate(emit, dy, x, windows) : null,
    b !== null && context.wants(2) ? emit.reshape(emit.reduce('ReduceSum', dy, others), b.shape) : null,
  ];
};

/** Convolutions. */
export const convolutions: RuleFamily = { Conv: convolution, ConvTranspose: transposedConvolution };
