import { int, intOf, ints, intsOf, textOf } from '../attributes';
import type { OnnxNode } from '../../format/onnx/types';
import type { Emitter, Term } from './emitter';

/** How a window moves over the spatial axes of a tensor. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before and behind each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly group: number;
}

/** The windows of a convolution or pooling node between inputs and outputs of known spatial sizes. */
export function windowsOf(
  node: OnnxNode,
  kernel: readonly number[],
  sizes: readonly number[],
  outputs: readonly number[],
): Windows {
  const strides = intsOf(node, 'strides') ?? kernel.map(() => 1);
  const dilations = intsOf(node, 'dilations') ?? kernel.map(() => 1);
  const group = intOf(node, 'group', 1);
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = kernel.map((k, i) => {
      const reach = ((outputs[i] ?? 1) - 1) * (strides[i] ?? 1) + (k - 1) * (dilations[i] ?? 1) + 1;
      return Math.max(0, reach - (sizes[i] ?? 0));
    });
    const less = total.map((count) => Math.floor(count / 2));
    const more = total.map((count, i) => count - (less[i] ?? 0));
    const [before, after] = auto === 'SAME_UPPER' ? [less, more] : [more, less];
    return { kernel, strides, dilations, before, after, group };
  }
  const pads = auto === 'VALID' ? null : intsOf(node, 'pads');
  const before = kernel.map((_, i) => pads?.[i] ?? 0);
  const after = kernel.map((_, i) => pads?.[i + kernel.length] ?? 0);
  return { kernel, strides, dilations, before, after, group };
}

/** The transposed convolution of `small` with weights [C, M/g, …k], cut or filled to the spatial `sizes`. */
export function spread(
  emit: Emitter,
  small: Term,
  weights: Term,
  windows: Windows,
  channels: number,
  sizes: readonly number[],
): Term {
  const { kernel, strides, dilations, before, group } = windows;
  const behind = sizes.map((size, i) => {
    const last = ((small.shape[i + 2] ?? 1) - 1) * (strides[i] ?? 1);
    return last + (dilations[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1 - (before[i] ?? 0) - size;
  });
  const shape = [small.shape[0] ?? 1, channels, ...sizes];
  return emit.apply('ConvTranspose', [small, weights], shape, {
    kernel_shape: ints(kernel),
    strides: ints(strides),
    dilations: ints(dilations),
    group: int(group),
    pads: ints([...before, ...behind.map((count) => Math.max(0, count))]),
    output_padding: ints(behind.map((count) => Math.max(0, -count))),
  });
}

/** So many window positions are cut out one by one; more are left to a convolution with exchanged roles. */
const MOST_SLICES = 64;

/**
 * `Σₙₚ small[n, m, p] · large[n, c, window of p]` as [M, C/g, …k]: the gradient of a convolution's weights from its input
 * (large) and the gradient of its output (small).
 */
export function correlate(emit: Emitter, large: Term, small: Term, windows: Windows): Term {
  const positions = windows.kernel.reduce((product, size) => product * size, 1);
  const columns = isPatching(large, small, windows)
    ? patches(emit, large, windows)
    : positions <= MOST_SLICES
      ? slices(emit, large, small, windows)
      : null;
  if (columns === null) return exchanged(emit, large, small, windows);
  const { group, kernel } = windows;
  const [batch = 1, channels = 1] = large.shape;
  const maps = small.shape[1] ?? 1;
  const spots = batch * small.shape.slice(2).reduce((product, size) => product * size, 1);
  const perGroup = channels / group;
  const lead = group === 1 ? [] : [group];
  // Batch and places are one axis, so that one product adds up over both.
  const right = emit.reshape(columns, [...lead, perGroup * positions, spots]);
  const left = emit.reshape(channelsFirst(emit, small), [...lead, maps / group, spots]);
  return emit.reshape(emit.matmul(left, emit.transposeMatrix(right)), [maps, perGroup, ...kernel]);
}

/** [N, C, …] as [C, N, …]. */
function channelsFirst(emit: Emitter, x: Term): Term {
  const [batch = 1, channels = 1, ...sizes] = x.shape;
  if (batch === 1) return emit.reshape(x, [channels, 1, ...sizes]);
  return emit.transpose(x, [1, 0, ...sizes.map((_, i) => i + 2)]);
}

/** Windows that tile the input without gap or overlap, as those of a vision transformer's patches. */
function isPatching(large: Term, small: Term, { kernel, strides, dilations, before }: Windows): boolean {
  return kernel.every(
    (size, i) =>
      strides[i] === size &&
      (dilations[i] === 1 || size === 1) &&
      before[i] === 0 &&
      large.shape[i + 2] === size * (small.shape[i + 2] ?? 0),
  );
}

/** [N, C, …o·k] as [C, …k, N, …o]. */
function patches(emit: Emitter, large: Term, { kernel }: Windows): Term {
  const [batch = 1, channels = 1, ...sizes] = large.shape;
  const apart = emit.reshape(large, [
    batch,
    channels,
    ...sizes.flatMap((size, i) => [size / (kernel[i] ?? 1), kernel[i] ?? 1]),
  ]);
  const inner = kernel.map((_, i) => 3 + 2 * i);
  const outer = kernel.map((_, i) => 2 + 2 * i);
  return emit.transpose(apart, [1, ...inner, 0, ...outer]);
}

/** For every position in the window the entries that it meets: [C, K, N, …o]. */
function slices(emit: Emitter, large: Term, small: Term, windows: Windows): Term {
  const { kernel, strides, dilations, before } = windows;
  const outputs = small.shape.slice(2);
  const reach = outputs.map(
    (count, i) => (count - 1) * (strides[i] ?? 1) + (dilations[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1,
  );
  const behind = reach.map((end, i) => Math.max(0, end - (before[i] ?? 0) - (large.shape[i + 2] ?? 0)));
  const padded = emit.pad(channelsFirst(emit, large), [0, 0, ...before], [0, 0, ...behind]);
  const axes = kernel.map((_, i) => i + 2);
  const [batch = 1, channels = 1] = large.shape;
  const parts = offsets(kernel).map((offset) => {
    const starts = offset.map((at, i) => at * (dilations[i] ?? 1));
    const ends = starts.map((start, i) => start + ((outputs[i] ?? 1) - 1) * (strides[i] ?? 1) + 1);
    return emit.reshape(emit.slice(padded, starts, ends, axes, strides), [channels, 1, batch, ...outputs]);
  });
  return emit.concat(parts, 1);
}

/** All positions in a window, the last axis fastest. */
function offsets(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (found, size) => found.flatMap((start) => Array.from({ length: size }, (_, at) => [...start, at])),
    [[]],
  );
}

/** The same by a convolution in which batch and channels change places, strides and dilations, too. */
function exchanged(emit: Emitter, large: Term, small: Term, windows: Windows): Term {
  const { kernel, strides, dilations, before, group } = windows;
  const [batch = 1, channels = 1, ...sizes] = large.shape;
  const perGroup = channels / group;
  const space = sizes.map((_, i) => i + 3);
  const apart = emit.transpose(emit.reshape(large, [batch, group, perGroup, ...sizes]), [2, 1, 0, ...space]);
  const input = emit.reshape(apart, [perGroup, group * batch, ...sizes]);
  const maps = small.shape[1] ?? 1;
  const weights = emit.transpose(small, [1, 0, ...kernel.map((_, i) => i + 2)]);
  const behind = kernel.map((size, i) => {
    const reach = ((small.shape[i + 2] ?? 1) - 1) * (strides[i] ?? 1) + (size - 1) * (dilations[i] ?? 1) + 1;
    return reach - (before[i] ?? 0) - (sizes[i] ?? 0);
  });
  // What the last window does not reach is cut off; what it reaches beyond the input is padded.
  const cut = behind.map((count, i) => (sizes[i] ?? 0) + Math.min(0, count));
  const axes = kernel.map((_, i) => i + 2);
  const reached = behind.some((count) => count < 0)
    ? emit.slice(
        input,
        axes.map(() => 0),
        cut,
        axes,
      )
    : input;
  const found = emit.apply('Conv', [reached, weights], [perGroup, maps, ...kernel], {
    strides: ints(dilations),
    dilations: ints(strides),
    group: int(group),
    pads: ints([...before, ...behind.map((count) => Math.max(0, count))]),
  });
  return emit.transpose(found, [1, 0, ...kernel.map((_, i) => i + 2)]);
}
