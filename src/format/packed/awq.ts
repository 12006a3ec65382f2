import type { TensorSpan } from '../../tensor/span';
import { formedSpan, partsOf, shapeText, spanOf, transposed, type PackedLayout } from './layout';

/** Number k of a word stands in place PLACES[k]: `order_map` 0 2 4 6 1 3 5 7 of awq/modules/linear/gemm.py, turned around. */
const PLACES = [0, 4, 1, 5, 2, 6, 3, 7];
const BITS = 4;
const A_WORD = 8;

/**
 * AWQ as its `gemm` kernels take it: `qweight` I32 [inputs, outputs / 8], `qzeros` I32 [groups, outputs / 8], both with eight
 * outputs a word in the order 0 2 4 6 1 3 5 7, and `scales` [groups, outputs]: W[o, i] = scale[g, o] · (q[i, o] − zero[g, o]).
 */
export const awq: PackedLayout = {
  title: 'AWQ',
  endings: ['.qweight'],
  describe(stem, _, context) {
    const name = `${stem}.weight`;
    const [qweight, qzeros, scales] = ['qweight', 'qzeros', 'scales'].map(
      (part) => context.tensors.get(`${stem}.${part}`)?.span,
    );
    if (qweight?.dtype !== 'I32' || !qzeros || !scales) return null;
    const [inputs = 0, words = 0] = qweight.shape;
    const [groups = 0, outputs = 0] = scales.shape;
    if (words * A_WORD !== outputs || qzeros.shape.join() !== [groups, words].join() || inputs % groups !== 0)
      return {
        name,
        reason: `qweight ${shapeText(qweight.shape)} and scales ${shapeText(scales.shape)} are of no known kernel`,
      };
    const parts = partsOf(
      context,
      ['qweight', 'qzeros', 'scales'].map((part) => `${stem}.${part}`),
    );
    const size = inputs / groups;
    const label = `AWQ 4 bit · 1×${String(size)}`;
    const unpacked = (source: TensorSpan, rows: number) =>
      spanOf('U8', [rows, outputs], label, [{ name, span: source }], {
        kind: 'bitPacked', bits: BITS, rows, columns: outputs, along: 'columns', across: false, places: PLACES, plus: 0, source,
      }); // prettier-ignore
    const span = formedSpan([outputs, inputs], label, parts, {
      kind: 'scaled', rows: outputs, columns: inputs, block: [1, size],
      codes: transposed(unpacked(qweight, inputs), label), scales: transposed(scales, 'scales'),
      zero: 0, zeros: transposed(unpacked(qzeros, groups), 'zero points'),
      groups: null, groupCount: groups, factor: 1, overall: null,
    }); // prettier-ignore
    return { name, parts, span };
  },
};
