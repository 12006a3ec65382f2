import type { TensorSpan } from '../../tensor/span';
import { countIn, type QuantizationConfig } from './quantization-config';
import { formedSpan, partsOf, shapeText, spanOf, transposed, type PackedLayout } from './layout';

const ENDINGS = ['qweight', 'qzeros', 'scales', 'g_idx'];

/**
 * GPTQ: `qweight` I32 [inputs · bits / 32, outputs] with the numbers of one output under each other as one stream of bits,
 * `qzeros` I32 [groups, outputs · bits / 32] alike along the outputs, `scales` [groups, outputs], `g_idx` I32 [inputs]:
 * W[o, i] = scale[g, o] · (q[i, o] − zero[g, o]) with g = g_idx[i] (`pack` in auto_gptq/nn_modules/qlinear/qlinear_cuda.py).
 * Zero points are stored less 1 unless `checkpoint_format` is `gptq_v2` (convert_gptq_v1_to_v2_format in
 * auto_gptq/modeling/_utils.py, GPTQModel).
 */
export const gptq: PackedLayout = {
  title: 'GPTQ',
  endings: ['.qweight'],
  describe(stem, _, context) {
    const name = `${stem}.weight`;
    const [qweight, qzeros, scales] = ENDINGS.map((part) => context.tensors.get(`${stem}.${part}`)?.span);
    if (qweight?.dtype !== 'I32' || !scales || qweight.shape.length !== 2 || scales.shape.length !== 2)
      return null;
    const [groups = 0, outputs = 0] = scales.shape;
    // Of AWQ the outputs are packed, not the inputs.
    if (qweight.shape[1] !== outputs) return null;
    const plus = zeroOffset(context.config);
    if (plus === null)
      return { name, reason: 'AutoRound does not say here whether its zero points are stored less 1' };
    const bits = bitsOf(qzeros, outputs, context.config);
    if (bits === null)
      return { name, reason: `qzeros ${shapeText(qzeros?.shape ?? [])} fit no number of bits` };
    const g_idx = context.tensors.get(`${stem}.g_idx`)?.span ?? null;
    if (groups === 0 || (qzeros && qzeros.shape[0] !== groups))
      return {
        name,
        reason: `qzeros ${shapeText(qzeros?.shape ?? [])} and scales ${shapeText(scales.shape)} differ`,
      };
    const inputs = g_idx?.count ?? ((qweight.shape[0] ?? 0) * 32) / bits;
    if (!fits(qweight, bits, inputs))
      return { name, reason: `g_idx has ${String(inputs)} inputs, qweight other` };
    const parts = partsOf(
      context,
      ENDINGS.map((part) => `${stem}.${part}`),
    );
    const label = `GPTQ ${String(bits)} bit · ${g_idx ? 'groups' : `1×${String(Math.ceil(inputs / groups))}`}`;
    const packed = spanOf('U8', [inputs, outputs], label, parts, {
      kind: 'bitPacked', bits, rows: inputs, columns: outputs, along: 'rows', across: true, plus: 0, source: qweight,
    }); // prettier-ignore
    const span = formedSpan([outputs, inputs], label, parts, {
      kind: 'scaled', rows: outputs, columns: inputs, block: [1, Math.max(1, Math.ceil(inputs / groups))],
      codes: transposed(packed, label), scales: transposed(scales, 'scales'),
      zero: qzeros ? 0 : 2 ** (bits - 1), zeros: qzeros ? zerosOf(qzeros, groups, outputs, bits, plus) : null,
      groups: g_idx, groupCount: groups, factor: 1, overall: null,
    }); // prettier-ignore
    return { name, parts, span };
  },
};

function zerosOf(
  qzeros: TensorSpan,
  groups: number,
  outputs: number,
  bits: number,
  plus: number,
): TensorSpan {
  const unpacked = spanOf('U8', [groups, outputs], 'zero points', [{ name: 'qzeros', span: qzeros }], {
    kind: 'bitPacked', bits, rows: groups, columns: outputs, along: 'columns', across: true, plus, source: qzeros,
  }); // prettier-ignore
  return transposed(unpacked, 'zero points');
}

/**
 * What zero points are stored less: 1 (a zero point of 0 wraps around to the highest number), or 0. AutoRound says in `packing_format` in
 * whose way it packs: AutoGPTQ's, or GPTQModel's second (auto_round/export); `null` where it does not.
 */
function zeroOffset({ method, fields }: QuantizationConfig): number | null {
  if (method !== 'auto-round') return fields['checkpoint_format'] === 'gptq_v2' ? 0 : 1;
  const format = fields['packing_format'];
  if (typeof format !== 'string') return null;
  return format.includes('auto_gptq') ? 1 : format.includes('gptqmodel') ? 0 : null;
}

function bitsOf(qzeros: TensorSpan | undefined, outputs: number, config: QuantizationConfig): number | null {
  const known = countIn(config, 'bits');
  if (!qzeros) return known;
  const bits = ((qzeros.shape[1] ?? 0) * 32) / outputs;
  return [2, 3, 4, 8].includes(bits) ? bits : null;
}

function fits(qweight: TensorSpan, bits: number, inputs: number): boolean {
  return Number.isInteger(inputs) && (qweight.shape[0] ?? 0) === Math.ceil((inputs * bits) / 32);
}
