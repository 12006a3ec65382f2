import { formedSpan, partsOf, retyped, spanOf, transposed, type PackedLayout } from './layout';
import { gridOf } from './scale-grid';
import { misfit } from './scaled-weights';

/** Each is a tile of its own; no model has as many. */
const MOST_EXPERTS = 4096;

/**
 * MXFP4 of gpt-oss: `…_blocks` U8 [experts, rows, groups, 16] with two E2M1 numbers a byte, the lower half first, and
 * `…_scales` U8 [experts, rows, groups] of exponents (E8M0). transformers hands the experts on as [experts, columns, rows]
 * (`convert_moe_packed_tensors` in integrations/mxfp4.py), and so does this; the original files (`….blocks`, `….scales`) keep rows
 * first.
 */
export const mxBlocks: PackedLayout = {
  title: 'MXFP4 blocks',
  endings: ['_blocks', '.blocks'],
  describe(name, ending, context) {
    const scalesName = `${name}${ending.slice(0, 1)}scales`;
    const blocks = context.tensors.get(name + ending)?.span;
    const exponents = context.tensors.get(scalesName)?.span;
    if (!blocks || !exponents || blocks.dtype !== 'U8' || exponents.dtype !== 'U8') return null;
    if (blocks.shape.length !== 4) return null;
    const [experts = 0, rows = 0, groups = 0, bytes = 0] = blocks.shape;
    const columns = groups * bytes * 2;
    if (blocks.count === 0 || experts > MOST_EXPERTS)
      return { name, reason: 'it has no block, or too many experts' };
    if (exponents.shape.join() !== [experts, rows, groups].join())
      return misfit(name, [experts, rows, columns], exponents.shape);
    const parts = partsOf(context, [name + ending, scalesName]);
    const label = `MXFP4 · 1×${String(bytes * 2)}`;
    const matrix = (first: number, count: number) => {
      const shape = [count, rows, columns];
      const codes = retyped(blocks, 'F4', shape);
      const scales = retyped(exponents, 'F8_E8M0', [count, rows, groups]);
      const grid = gridOf(shape, scales.shape, [1, bytes * 2]);
      if (!grid) return null;
      const bytesOf = { codes: (rows * columns) / 2, scales: rows * groups };
      return formedSpan(shape, label, parts, {
        kind: 'scaled', zero: 0, zeros: null, groups: null, factor: 1, overall: null, ...grid,
        codes: { ...codes, offset: codes.offset + first * bytesOf.codes, bytes: count * bytesOf.codes },
        scales: { ...scales, offset: scales.offset + first * bytesOf.scales, bytes: count * bytesOf.scales },
      }); // prettier-ignore
    };
    const whole = matrix(0, experts);
    if (!whole) return misfit(name, [experts, rows, columns], exponents.shape);
    if (ending === '.blocks') return { name, parts, span: whole };
    // Expert by expert, so that no more than one is held to be turned around.
    const tiles = Array.from({ length: experts }, (_, expert) => {
      const span = matrix(expert, 1) ?? whole;
      const turned = transposed({ ...span, shape: [rows, columns] }, label);
      return { from: [expert, 0, 0], shape: [1, columns, rows], span: turned };
    });
    const shape = [experts, columns, rows];
    return {
      name,
      parts,
      span: spanOf('F32', shape, label, parts, { kind: 'tiled', size: 4, shape, tiles }),
    };
  },
};
