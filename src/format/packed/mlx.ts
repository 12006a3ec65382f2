import type { TensorSpan } from '../../tensor/span';
import { countOfShape } from '../output-file';
import { formedSpan, partsOf, retyped, shapeText, spanOf, type Found, type PackedLayout } from './layout';
import { countIn, moduleCountIn } from './quantization-config';

const WORD_BYTES = 4;
const AFFINE_BITS = [2, 3, 4, 5, 6, 8];
/** The size of a group in MLX where nothing says another. */
const USUAL_GROUP = 64;

/** Modes without biases, by the bytes of codes that share a scale: mxfp4, mxfp8 and nvfp4. */
const FLOAT_MODES = new Map([
  [16, { title: 'mxfp4', codes: 'F4', scales: 'F8_E8M0' } as const],
  [32, { title: 'mxfp8', codes: 'F8_E4M3', scales: 'F8_E8M0' } as const],
  [8, { title: 'nvfp4', codes: 'F4', scales: 'F8_E4M3' } as const],
]);

/**
 * MLX (`mlx.core.quantize`): `weight` U32 [… , outputs, inputs · bits / 32], in which the numbers of a row are one stream of bits from
 * the lowest on, `scales` and `biases` [… , outputs, groups]: W[o, i] = scale[o, g] · q[o, i] + bias[o, g], g = ⌊i / size⌋, in
 * float32 (MLX itself rounds to the type of the scales). The modes mxfp4, mxfp8 and nvfp4 have scales of one byte and no biases.
 * Bits and the size of groups are those of `quantization` in config.json, which may have others for single modules.
 */
export const mlx: PackedLayout = {
  title: 'MLX',
  endings: ['.scales'],
  describe(stem, _, context) {
    const name = `${stem}.weight`;
    const [words, scales, biases] = [name, `${stem}.scales`, `${stem}.biases`].map(
      (each) => context.tensors.get(each)?.span,
    );
    if (words?.dtype !== 'U32' || !scales || words.shape.length < 2) return null;
    const rows = words.shape.slice(0, -1);
    const groups = scales.shape.at(-1) ?? 0;
    const fits = (part: TensorSpan) => part.shape.join() === [...rows, groups].join();
    if (groups === 0 || !fits(scales) || (biases && !fits(biases)))
      return { name, reason: `scales ${shapeText(scales.shape)} do not lie over ${shapeText(words.shape)}` };
    const parts = partsOf(context, [name, `${stem}.scales`, `${stem}.biases`]);
    if (scales.dtype === 'U8' && !biases) return floats(name, words, scales, parts);
    if (!biases) return { name, reason: 'there are no biases beside its scales' };
    const bits = moduleCountIn(context.config, stem, 'bits') ?? countIn(context.config, 'bits');
    const size = moduleCountIn(context.config, stem, 'group_size') ?? countIn(context.config, 'group_size');
    return affine(name, words, scales, biases, parts, bits, size ?? USUAL_GROUP);
  },
};

type Parts = ReturnType<typeof partsOf>;

function floats(name: string, words: TensorSpan, scales: TensorSpan, parts: Parts): Found {
  const bytes = (words.shape.at(-1) ?? 0) * WORD_BYTES;
  const groups = scales.shape.at(-1) ?? 1;
  const mode = FLOAT_MODES.get(bytes / groups);
  if (!mode) return { name, reason: `${String(bytes / groups)} bytes to a scale are of no known mode` };
  const columns = mode.codes === 'F4' ? 2 * bytes : bytes;
  const shape = [...words.shape.slice(0, -1), columns];
  const size = columns / groups;
  const span = formedSpan(shape, `MLX ${mode.title} · 1×${String(size)}`, parts, {
    kind: 'scaled', rows: countOfShape(shape.slice(0, -1)), columns, block: [1, size],
    codes: retyped(words, mode.codes, shape), scales: retyped(scales, mode.scales, scales.shape),
    zero: 0, zeros: null, groups: null, groupCount: groups, factor: 1, overall: null,
  }); // prettier-ignore
  return { name, parts, span };
}

function affine(
  name: string,
  words: TensorSpan,
  scales: TensorSpan,
  biases: TensorSpan,
  parts: Parts,
  saidBits: number | null,
  saidSize: number,
): Found {
  const streamBits = (words.shape.at(-1) ?? 0) * 32;
  const groups = scales.shape.at(-1) ?? 1;
  const bits = saidBits ?? streamBits / groups / saidSize;
  const columns = streamBits / bits;
  const size = columns / groups;
  if (!AFFINE_BITS.includes(bits) || !Number.isInteger(size))
    return {
      name,
      reason: `${shapeText(words.shape)} words and ${shapeText(scales.shape)} scales fit no number of bits`,
    };
  const shape = [...words.shape.slice(0, -1), columns];
  const rows = countOfShape(shape.slice(0, -1));
  const label = `MLX ${String(bits)} bit · 1×${String(size)}`;
  const codes = spanOf('U8', shape, label, parts, {
    kind: 'bitPacked', bits, rows, columns, along: 'columns', across: true, plus: 0, source: words,
  }); // prettier-ignore
  const span = formedSpan(shape, label, parts, {
    kind: 'scaled', rows, columns, block: [1, size], codes, scales, shifts: biases,
    zero: 0, zeros: null, groups: null, groupCount: groups, factor: 1, overall: null,
  }); // prettier-ignore
  return { name, parts, span };
}
