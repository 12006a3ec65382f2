import type { TensorSpan } from '../../tensor/span';
import { formedSpan, partsOf, shapeText, spanOf, type PackedLayout } from './layout';
import { countIn } from './quantization-config';

const BITS = 4;
const A_WORD = 8;
const PARTS = ['qweight', 'qzeros', 'scales'];

/**
 * AWQ as its `gemv` kernels take it (`WQLinear_GEMV` of awq/modules/linear/gemv.py): `qweight` I32 [outputs, inputs / 8], eight inputs a word from
 * the lowest bits on; `qzeros` I32 [outputs, words] and `scales` [outputs, 8 · words] alike along the groups, with room behind the last of them.
 * W[o, i] = scale[o, g] · (q[o, i] − zero[o, g]) with g = ⌊i / group size⌋, which only the configuration says.
 */
export const awqGemv: PackedLayout = {
  title: 'AWQ (gemv)',
  endings: ['.qweight'],
  describe(stem, _, context) {
    const [qweight, qzeros, scales] = PARTS.map((part) => context.tensors.get(`${stem}.${part}`)?.span);
    if (qweight?.dtype !== 'I32' || !qzeros || !scales) return null;
    const [outputs = 0, words = 0] = qweight.shape;
    const [rows = 0, room = 0] = scales.shape;
    const isOurs =
      context.config.fields['version'] === 'gemv' &&
      rows === outputs &&
      qzeros.shape.join() === [outputs, room / A_WORD].join();
    if (!isOurs) return null;
    const name = `${stem}.weight`;
    const inputs = words * A_WORD;
    const size = countIn(context.config, 'group_size') ?? countIn(context.config, 'q_group_size') ?? inputs;
    if (Math.ceil(inputs / size) > room)
      return {
        name,
        reason: `scales ${shapeText(scales.shape)} are too few for groups of ${String(size)} inputs`,
      };
    const parts = partsOf(
      context,
      PARTS.map((part) => `${stem}.${part}`),
    );
    const label = `AWQ 4 bit · 1×${String(size)}`;
    const unpacked = (source: TensorSpan, columns: number) =>
      spanOf('U8', [outputs, columns], label, [{ name, span: source }], {
        kind: 'bitPacked', bits: BITS, rows: outputs, columns, along: 'columns', across: false, plus: 0, source,
      }); // prettier-ignore
    const span = formedSpan([outputs, inputs], label, parts, {
      kind: 'scaled', rows: outputs, columns: inputs, block: [1, size], codes: unpacked(qweight, inputs), scales,
      zero: 0, zeros: unpacked(qzeros, room), groups: null, groupCount: room, factor: 1, overall: null,
    }); // prettier-ignore
    return { name, parts, span };
  },
};
