import { success, type Result } from '../../protocol/result';
import type { TensorSpan } from '../../tensor/span';
import { countOfShape } from '../output-file';
import {
  formedSpan,
  partsOf,
  shapeText,
  spanOf,
  type Found,
  type PackedContext,
  type PackedLayout,
} from './layout';

/** NF4 of Dettmers et al., "QLoRA", arXiv:2305.14314, appendix E. */
const NF4 = [
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]; // prettier-ignore

/** FP4 of bitsandbytes (`create_fp4_map`): 3 bits of size and a sign, over the largest, 12. */
const FP4_SIZES = [0, 0.0625, 8, 12, 4, 6, 2, 3].map((size) => Math.fround(size / 12));
const FP4 = [...FP4_SIZES, ...FP4_SIZES.map((size) => -size)];

const STATE = '.quant_state.bitsandbytes__';
/** The description of a weight takes some 150 bytes. */
const LONGEST_STATE = 65_536;

/**
 * Four bits of bitsandbytes: `weight` U8 with two codes a byte (the upper half first) over the flattened weight, `absmax` for every
 * block, the table in `quant_map`, and a description as JSON in `quant_state.bitsandbytes__nf4` or `…fp4`. Where `absmax` is
 * quantised itself: absmax = nested_quant_map[code] · nested_absmax + nested_offset (`QuantState.from_dict`, `dequantize_4bit` in
 * bitsandbytes/functional.py).
 */
export const bitsandbytes4: PackedLayout = {
  title: 'bitsandbytes 4 bit',
  endings: [`${STATE}nf4`, `${STATE}fp4`],
  async describe(name, ending, context) {
    const codes = context.tensors.get(name)?.span;
    const absmax = context.tensors.get(`${name}.absmax`)?.span;
    const described = context.tensors.get(name + ending)?.span;
    if (!codes || !absmax || !described) return { name, reason: 'the weight or its absmax is missing' };
    const state = await readState(described, context);
    if (!state.ok || !state.value) return { name, reason: `${ending.slice(1)} is no description` };
    const { shape, blocksize, nested } = state.value;
    const count = countOfShape(shape);
    if (codes.bytes !== Math.ceil(count / 2) || absmax.count !== Math.ceil(count / blocksize))
      return { name, reason: `${shapeText(shape)} in blocks of ${String(blocksize)} does not fit its bytes` };
    const scales = nested ? nestedScales(name, absmax, nested, context) : absmax;
    if (!scales) return { name, reason: 'nested_absmax and its table do not fit absmax' };
    const tensors = ['absmax', 'quant_map', 'nested_absmax', 'nested_quant_map'].map(
      (part) => `${name}.${part}`,
    );
    const parts = partsOf(context, [name, ...tensors, name + ending]);
    const isNf4 = ending.endsWith('nf4');
    const map = context.tensors.get(`${name}.quant_map`)?.span;
    const table = map?.count === 16 ? map : isNf4 ? NF4 : FP4;
    const label = `${isNf4 ? 'NF4' : 'FP4'} · ${String(blocksize)}${nested ? ' · nested' : ''}`;
    const form = { kind: 'codebook', bits: 4, codes, table, scales, blockSize: blocksize, shift: 0 } as const;
    return { name, parts, span: formedSpan(shape, label, parts, form) };
  },
};

interface State {
  readonly shape: readonly number[];
  readonly blocksize: number;
  readonly nested: { readonly blocksize: number; readonly offset: number } | null;
}

function nestedScales(
  name: string,
  absmax: TensorSpan,
  { blocksize, offset }: { readonly blocksize: number; readonly offset: number },
  { tensors }: PackedContext,
): TensorSpan | null {
  const scales = tensors.get(`${name}.nested_absmax`)?.span;
  const table = tensors.get(`${name}.nested_quant_map`)?.span;
  if (!scales || table?.count !== 256 || scales.count !== Math.ceil(absmax.count / blocksize)) return null;
  if (absmax.dtype !== 'U8') return null;
  return spanOf('F32', [absmax.count], 'absmax', [{ name, span: absmax }], {
    kind: 'codebook', bits: 8, codes: absmax, table, scales, blockSize: blocksize, shift: offset,
  }); // prettier-ignore
}

async function readState(span: TensorSpan, { read }: PackedContext): Promise<Result<State | null>> {
  if (span.bytes > LONGEST_STATE) return success(null);
  const bytes = await read(span);
  if (!bytes.ok) return bytes;
  try {
    return success(stateOf(JSON.parse(Buffer.from(bytes.value).toString()) as Record<string, unknown>));
  } catch {
    return success(null);
  }
}

function stateOf(fields: Readonly<Record<string, unknown>>): State | null {
  const { shape, blocksize, nested_blocksize: nestedSize, nested_offset: offset } = fields;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
  if (!Array.isArray(shape) || shape.length === 0 || shape.length > 8 || !shape.every(isCount)) return null;
  if (!isCount(blocksize)) return null;
  const nested = isCount(nestedSize) && typeof offset === 'number' ? { blocksize: nestedSize, offset } : null;
  return { shape, blocksize, nested };
}

/**
 * Eight bits of bitsandbytes: `weight` I8 [rows, columns] with `SCB`, the largest size in every row: W = W_q · SCB / 127
 * (`int8_vectorwise_dequant` in bitsandbytes/functional.py). `weight_format` other than 0 (`row`) was for kernels of old cards.
 */
export const bitsandbytes8: PackedLayout = {
  title: 'bitsandbytes 8 bit',
  endings: ['.SCB'],
  async describe(stem, ending, context): Promise<Found> {
    const name = `${stem}.weight`;
    const weight = context.tensors.get(name)?.span;
    const scales = context.tensors.get(stem + ending)?.span;
    if (weight?.dtype !== 'I8' || !scales || weight.shape.length !== 2) return null;
    const [rows = 0, columns = 0] = weight.shape;
    if (scales.count !== rows)
      return { name, reason: `SCB ${shapeText(scales.shape)} does not fit ${shapeText(weight.shape)}` };
    const format = context.tensors.get(`${stem}.weight_format`)?.span;
    const order = format?.bytes === 1 ? await context.read(format) : success(new Uint8Array(1));
    if (!order.ok || order.value[0] !== 0)
      return { name, reason: 'its rows are laid out for kernels of old cards' };
    const parts = partsOf(context, [name, stem + ending, `${stem}.weight_format`]);
    const label = 'INT8 (bitsandbytes) · by row';
    const span = formedSpan(weight.shape, label, parts, {
      kind: 'scaled', rows, columns, block: [1, columns], codes: weight, scales, zero: 0, zeros: null,
      groups: null, groupCount: 1, factor: 1 / 127, overall: null,
    }); // prettier-ignore
    return { name, parts, span };
  },
};
