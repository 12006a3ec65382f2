import { dtypeByName } from '../../tensor/dtype';
import { blockSizeIn } from './quantization-config';
import {
  formedSpan,
  partsOf,
  retyped,
  shapeText,
  type Found,
  type PackedContext,
  type PackedLayout,
} from './layout';
import { gridOf, type ScaleGrid } from './scale-grid';

/** Endings of the scales of FP8 and INT8 weights: DeepSeek-V3, compressed-tensors and fbgemm, ComfyUI, DeepSeek-V4. */
const ENDINGS = ['_scale_inv', '.weight_scale', '.scale_weight', '.scale'];

/**
 * Weights of FP8 or INT8 with scales for the whole tensor, for rows, groups or blocks: W = W_q · s. `weight_scale_inv` of
 * DeepSeek-V3 is what a weight is multiplied by, too (`weight_dequant` in inference/kernel.py of DeepSeek-V3;
 * `dequantize` in compressed_tensors/quantization/lifecycle/forward.py).
 */
export const scaledWeights: PackedLayout = {
  title: 'scaled FP8 or INT8',
  endings: ENDINGS,
  describe(stem, ending, context) {
    const name = ending === '_scale_inv' ? stem : `${stem}.weight`;
    const weight = context.tensors.get(name)?.span;
    const scales = context.tensors.get(stem + ending)?.span;
    if (!weight || !scales || !isFloat(scales.dtype)) return null;
    if (weight.dtype === 'U8' || (weight.dtype === 'I8' && scales.dtype === 'F8_E8M0'))
      return fourBit(stem, ending, context);
    if (!/^F8_E[45]|^I8$/.test(weight.dtype)) return null;
    const grid = gridOf(weight.shape, scales.shape, blockSizeIn(context.config));
    if (!grid) return misfit(name, weight.shape, scales.shape);
    const zeros = context.tensors.get(`${stem}.weight_zero_point`)?.span ?? null;
    if (zeros && zeros.count !== scales.count) return misfit(name, scales.shape, zeros.shape);
    const parts = partsOf(context, [name, stem + ending, `${stem}.weight_zero_point`]);
    const label = `${weight.dtype} · ${gridText(grid)}`;
    const form = { ...FORM, ...grid, codes: weight, scales, zeros } as const;
    return { name, parts, span: formedSpan(weight.shape, label, parts, form) };
  },
};

const FORM = { kind: 'scaled', zero: 0, zeros: null, groups: null, factor: 1, overall: null } as const;

/** Of FP4 and its kind two a byte: modelopt (`weight_scale_2` for the whole tensor) and DeepSeek-V4 (E8M0, as I8). */
function fourBit(stem: string, ending: string, context: PackedContext): Found {
  const second = context.tensors.get(`${stem}.weight_scale_2`);
  const scales = context.tensors.get(stem + ending)?.span;
  if (ending !== '.weight_scale' && scales?.dtype !== 'F8_E8M0') return null;
  if (ending === '.weight_scale' && !second) return null;
  return fp4Weight(`${stem}.weight`, `${stem}.weight`, stem + ending, second?.name ?? null, false, context);
}

/**
 * FP4 (E2M1) two a byte, the lower half first, with a scale for every 16 (NVFP4: E4M3, and one for the whole tensor) or 32
 * (MXFP4: E8M0) along a row.
 */
export function fp4Weight(
  name: string,
  codesName: string,
  scalesName: string,
  overallName: string | null,
  divides: boolean,
  context: PackedContext,
): Found {
  const packed = context.tensors.get(codesName)?.span;
  const given = context.tensors.get(scalesName)?.span;
  if (!packed || !given || packed.shape.length < 2) return null;
  const shape = [...packed.shape.slice(0, -1), (packed.shape.at(-1) ?? 0) * 2];
  const scales = given.dtype === 'U8' ? retyped(given, 'F8_E8M0', given.shape) : given;
  const grid = gridOf(shape, scales.shape, null);
  if (!grid || grid.block[0] !== 1) return misfit(name, shape, scales.shape);
  const overall = overallName === null ? null : (context.tensors.get(overallName)?.span ?? null);
  if (overall && overall.count !== 1) return misfit(name, shape, overall.shape);
  const parts = partsOf(context, [codesName, scalesName, ...(overallName === null ? [] : [overallName])]);
  const label = `${overall ? 'NVFP4' : 'MXFP4'} · ${gridText(grid)}`;
  const codes = retyped(packed, 'F4', shape);
  const form = { ...FORM, ...grid, codes, scales, overall: overall && { span: overall, divides } } as const;
  return { name, parts, span: formedSpan(shape, label, parts, form) };
}

/** `1×16`, `128×128`, `whole`. */
export function gridText({ rows, columns, block: [r, c] }: ScaleGrid): string {
  if (r === rows && c === columns) return 'one scale';
  return c === columns && r === 1 ? 'by row' : `${String(r)}×${String(c)}`;
}

/** Shapes that belong together do not fit. */
export function misfit(name: string, shape: readonly number[], scales: readonly number[]): Found {
  return { name, reason: `scales ${shapeText(scales)} fit no blocks of ${shapeText(shape)}` };
}

function isFloat(dtype: string): boolean {
  return dtypeByName(dtype)?.kind === 'float';
}
