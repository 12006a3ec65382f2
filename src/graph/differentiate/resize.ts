import { textOf } from '../attributes';
import type { Attributes } from '../graph-draft';
import type { Emitter, Term } from './emitter';
import type { Rule, RuleContext, RuleFamily } from './rule';
import { byIndices } from './shape';

/**
 * The nearest entry is a movement; linear and cubic interpolation are a product with a constant matrix along every axis.
 * That matrix is what the operator makes of the identity, which the runtime works out when the session is made.
 */
const resize: Rule = (context) => {
  const { emit, node } = context;
  const [dy, x] = [context.gradient(0), context.input(0)];
  if (dy === null || x === null) return [null];
  if (textOf(node, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize')
    return 'it crops';
  if (node.attributes.has('axes')) return 'it names axes';
  if (textOf(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') return 'it keeps the aspect ratio';
  if (textOf(node, 'mode', 'nearest') === 'nearest') return byIndices(context);
  let gradient = dy;
  for (const [axis, size] of x.shape.entries()) {
    if (size === dy.shape[axis]) continue;
    gradient = alongAxis(emit, gradient, interpolation(context, size, dy.shape[axis] ?? 1, axis), axis);
  }
  return [gradient];
};

/** Entry (i, j): the share of input i in output j. */
function interpolation(context: RuleContext, from: number, to: number, axis: number): Term {
  const { emit, node } = context;
  const x = context.input(0);
  const type = x?.type ?? 'float32';
  const identity = emit.cast(
    emit.compare('Equal', emit.range([1, 1, from, 1]), emit.range([1, 1, 1, from])),
    type,
  );
  const scales = context.constant(2);
  const attributes: Attributes = Object.fromEntries(node.attributes);
  const bySize = (scales?.length ?? 0) === 0;
  const scale = emit.draft.constant('float32', [4], [1, 1, 1, scales?.[axis] ?? 1]);
  const inputs = bySize
    ? [identity, null, null, emit.integers([1, 1, from, to])]
    : [identity, null, { name: scale, shape: [4], type: 'float32' as const }];
  return emit.reshape(emit.apply('Resize', inputs, [1, 1, from, to], attributes), [from, to]);
}

/** `Σⱼ m[i, j] dy[…, j, …]` along one axis. */
function alongAxis(emit: Emitter, dy: Term, matrix: Term, axis: number): Term {
  const axes = dy.shape.map((_, i) => i);
  const last = [...axes.filter((one) => one !== axis), axis];
  const product = emit.matmul(emit.transpose(dy, last), emit.transposeMatrix(matrix));
  return emit.transpose(
    product,
    axes.map((one) => last.indexOf(one)),
  );
}

/** Interpolation. */
export const resizes: RuleFamily = { Resize: resize };
