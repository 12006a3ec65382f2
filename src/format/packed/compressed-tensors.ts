import type { TensorSpan } from '../../tensor/span';
import { wordsFor } from '../../tensor/stored/bit-packed';
import { formedSpan, partsOf, spanOf, type Found, type PackedContext, type PackedLayout } from './layout';
import { groupBitsIn } from './quantization-config';
import { gridOf } from './scale-grid';
import { fp4Weight, gridText, misfit } from './scaled-weights';

/**
 * compressed-tensors: `weight_packed` I32 with whole numbers (`pack-quantized`), or U8 with FP4 (`nvfp4-pack-quantized`,
 * `mxfp4-pack-quantized`), beside `weight_scale`. Numbers stand in ascending order from the lowest bits of each word, offset by
 * 2^(bits − 1), and the rest of a word is unused (`pack_to_int32` and `unpack_from_int32` in
 * compressors/quantized_compressors/pack_quantized.py); `weight_global_scale` of NVFP4 divides (`dequantize`).
 */
export const compressedTensors: PackedLayout = {
  title: 'compressed-tensors',
  endings: ['.weight_packed'],
  describe(stem, ending, context) {
    const packed = context.tensors.get(stem + ending)?.span;
    if (packed?.dtype === 'U8') {
      const overall = context.tensors.get(`${stem}.weight_global_scale`)?.name ?? null;
      return fp4Weight(`${stem}.weight`, stem + ending, `${stem}.weight_scale`, overall, true, context);
    }
    return packed?.dtype === 'I32' && packed.shape.length === 2 ? integers(stem, packed, context) : null;
  },
};

async function integers(stem: string, packed: TensorSpan, context: PackedContext): Promise<Found> {
  const name = `${stem}.weight`;
  const scales = context.tensors.get(`${stem}.weight_scale`)?.span;
  if (!scales) return { name, reason: 'weight_scale is missing' };
  const [rows = 0, words = 0] = packed.shape;
  const shape = await shapeOf(stem, context);
  const bits = bitsOf(words, shape?.[1] ?? null, groupBitsIn(context.config));
  if (bits === null || (shape && shape[0] !== rows))
    return { name, reason: 'its shape fits no number of bits' };
  const columns = shape?.[1] ?? words * Math.floor(32 / bits);
  const grid = gridOf([rows, columns], scales.shape, null);
  const groups = context.tensors.get(`${stem}.weight_g_idx`)?.span ?? null;
  if (!grid || (groups && groups.count !== columns)) return misfit(name, [rows, columns], scales.shape);
  const parts = partsOf(
    context,
    ['packed', 'scale', 'zero_point', 'shape', 'g_idx'].map((part) => `${stem}.weight_${part}`),
  );
  const label = `INT${String(bits)} · ${gridText(grid)}`;
  const codes = spanOf('U8', [rows, columns], label, parts, {
    kind: 'bitPacked', bits, rows, columns, along: 'columns', across: false, plus: 0, source: packed,
  }); // prettier-ignore
  const offset = 2 ** (bits - 1);
  const zeros = zerosOf(stem, bits, scales, context);
  if (zeros === 'misfit') return misfit(name, scales.shape, [rows, columns]);
  const zero = zeros?.dtype === 'U8' ? 0 : offset;
  const form = {
    kind: 'scaled',
    ...grid,
    codes,
    scales,
    zero,
    zeros,
    groups,
    factor: 1,
    overall: null,
  } as const;
  return { name, parts, span: formedSpan([rows, columns], label, parts, form) };
}

/** Zero points: packed along the rows with the same offset as the numbers, or as they are (I8). */
function zerosOf(
  stem: string,
  bits: number,
  scales: TensorSpan,
  { tensors }: PackedContext,
): TensorSpan | null | 'misfit' {
  const entry = tensors.get(`${stem}.weight_zero_point`);
  if (!entry) return null;
  if (entry.span.dtype !== 'I32') return entry.span.count === scales.count ? entry.span : 'misfit';
  const [rows = 0, columns = 1] = scales.shape;
  const words = wordsFor({ bits, across: false }, rows);
  if (entry.span.count !== words * columns) return 'misfit';
  return spanOf('U8', [rows, columns], 'zero points', [entry], {
    kind: 'bitPacked', bits, rows, columns, along: 'rows', across: false, plus: 0, source: entry.span,
  }); // prettier-ignore
}

/** `weight_shape`: two whole numbers that say how many columns there are without those that fill the last word. */
async function shapeOf(stem: string, context: PackedContext): Promise<readonly [number, number] | null> {
  const span = context.tensors.get(`${stem}.weight_shape`)?.span;
  if (!span || span.count !== 2 || !/^I(64|32)$/.test(span.dtype)) return null;
  const bytes = await context.read(span);
  if (!bytes.ok) return null;
  const view = new DataView(bytes.value.buffer, bytes.value.byteOffset);
  const at = (index: number) =>
    span.dtype === 'I64' ? Number(view.getBigInt64(index * 8, true)) : view.getInt32(index * 4, true);
  return [at(0), at(1)];
}

/** Bits for which so many columns take so many words; the configuration's first, then the usual ones. */
function bitsOf(words: number, columns: number | null, known: number | null): number | null {
  const candidates = [...(known === null ? [] : [known]), 4, 8, 2, 3, 5, 6, 7].filter(
    (bits) => bits >= 1 && bits <= 8,
  );
  if (columns === null) return known !== null && candidates[0] === known ? known : null;
  return candidates.find((bits) => wordsFor({ bits, across: false }, columns) === words) ?? null;
}
