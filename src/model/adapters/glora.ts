import { shapeText } from '../shape-text';
import { endings } from './endings';
import { matrixOf, type AdapterFamily, type PartValues } from './family';
import { multiply, turn } from './products';
import { formedTarget, refusal } from './target';

/**
 * GLoRA as LyCORIS has it (Chavan et al. 2023, https://arxiv.org/abs/2306.07967, eq. 6): `θ = θ₀ + s·(θ₀·A1·A2 + B1·B2)`, with A
 * in × r × in and B out × r × in; s = alpha / r.
 */
export const glora: AdapterFamily = {
  id: 'glora',
  title: 'GLoRA',
  source: 'https://arxiv.org/abs/2306.07967',
  endings: endings('LyCORIS', {
    'a1.weight': 'ga1',
    'a2.weight': 'ga2',
    'b1.weight': 'gb1',
    'b2.weight': 'gb2',
    'bm.weight': 'gbm',
  }).map((ending) => ({ ...ending, flattened: true })),
  describe(tensors, rules) {
    const [a1, a2, b1, b2] = ['ga1', 'ga2', 'gb1', 'gb2'].map((part) => tensors.parts.get(part));
    if (!a1 && !a2 && !b1 && !b2) return null;
    if (!a1 || !a2 || !b1 || !b2)
      return [refusal('GLoRA', tensors, 'lacks one of its four factors', 'lora-factor-missing')];
    if (tensors.parts.has('gbm'))
      return [refusal('GLoRA', tensors, 'a Tucker core in GLoRA is not taken yet')];
    const rank = matrixOf(a2).rows;
    const inputs = matrixOf(a2).columns;
    const { rank: nominal, alpha, scale } = rules.scaleOf(tensors, rank);
    const parts = new Map([['a1', a1], ['a2', a2], ['b1', b1], ['b2', b2]]); // prettier-ignore
    const target = formedTarget('GLoRA', tensors, parts, 'weight', (values, base, shape) => {
      const rows = shape[0] ?? 1;
      const change = change0(values, base, rows, inputs, rank);
      const own = multiply(valuesOf(values, 'b1'), valuesOf(values, 'b2'), rows, rank, base.length / rows);
      return base.map((value, at) => value + scale * ((change[at] as number) + (own[at] as number)));
    }, (shape) => {
      const [rows = 0, width = 0] = shape;
      const fits = rows === matrixOf(b1).rows && width === inputs && matrixOf(b2).columns * rows === shape.reduce((x, y) => x * y, 1);
      return fits ? null : `its factors are for ${String(matrixOf(b1).rows)}x${String(inputs)}, the base’s weight is ${shapeText(shape)}`;
    }); // prettier-ignore
    return [{ ...target, rank: nominal, storedRank: rank, alpha, scale }];
  },
};

/** θ₀·A1·A2, over the inputs; the kernel of a convolution stays where it is. */
function change0(
  values: PartValues,
  base: Float64Array,
  rows: number,
  inputs: number,
  rank: number,
): Float64Array {
  const depth = base.length / rows / inputs;
  const out = new Float64Array(base.length);
  const [a1, a2] = [valuesOf(values, 'a1'), valuesOf(values, 'a2')];
  for (let row = 0; row < rows; row++) {
    const own = base.subarray(row * inputs * depth, (row + 1) * inputs * depth);
    const byKernel = turn(own, inputs, depth);
    const half = multiply(byKernel, a1, depth, inputs, rank);
    out.set(turn(multiply(half, a2, depth, rank, inputs), depth, inputs), row * inputs * depth);
  }
  return out;
}

function valuesOf(values: PartValues, part: string): Float64Array {
  return values.get(part)?.values ?? new Float64Array(0);
}
