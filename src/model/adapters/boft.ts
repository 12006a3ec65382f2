import { shapeText } from '../shape-text';
import { cayley, skew, type Blocks } from './cayley';
import { endings } from './endings';
import type { AdapterFamily } from './family';
import { rotateInputs } from './oft';
import { formedTarget, refusal } from './target';

/**
 * BOFT (Liu et al. 2024, https://arxiv.org/abs/2311.06243, sec. 4): θ = diag(s)·θ₀·(B_N … B_1)ᵀ; factor i rotates blocks of
 * coordinates that a butterfly has brought together. Conventions of PEFT: R = (1 − Q)·(1 + Q)⁻¹, Q = (P − Pᵀ) / 2.
 */
export const boft: AdapterFamily = {
  id: 'boft',
  title: 'BOFT',
  source: 'https://arxiv.org/abs/2311.06243',
  endings: endings('PEFT', { boft_R: 'boft_R', boft_s: 'boft_s' }),
  describe(tensors) {
    const [rotations, scales] = [tensors.parts.get('boft_R'), tensors.parts.get('boft_s')];
    if (!rotations && !scales) return null;
    if (!rotations || !scales)
      return [refusal('BOFT', tensors, 'lacks boft_R or boft_s', 'lora-factor-missing')];
    const [factors = 0, blocks = 0, size = 0] = rotations.span.shape;
    if (rotations.span.shape.length !== 4)
      return [refusal('BOFT', tensors, `boft_R ${shapeText(rotations.span.shape)} is no list of blocks`)];
    const parts = new Map([['boft_R', rotations], ['boft_s', scales]]); // prettier-ignore
    return [
      formedTarget('BOFT', tensors, parts, 'weight', (values, base, shape) => {
        const rows = shape[0] ?? 1;
        const all = values.get('boft_R')?.values ?? new Float64Array(0);
        let weight = base;
        for (let factor = 0; factor < factors; factor++) {
          const own = { size, values: all.subarray(factor * blocks * size * size, (factor + 1) * blocks * size * size) };
          weight = rotateButterfly(weight, cayley(skew(own, 0.5), -1), rows, factors > 1 ? factor : null);
        }
        const scale = values.get('boft_s')?.values;
        const width = base.length / rows;
        return weight.map((value, at) => value * (scale?.[Math.floor(at / width)] ?? NaN));
      }, (shape) => {
        const width = shape.slice(1).reduce((product, each) => product * each, 1);
        const fits = shape.length >= 2 && width === blocks * size && scales.span.count === shape[0];
        return fits ? null : `${String(blocks)} blocks of ${String(size)} do not rotate the inputs of ${shapeText(shape)}`;
      }),
    ]; // prettier-ignore
  },
};

/** θ₀·Bᵀ with B = P·diag(R)·Pᵀ, P the permutation of one factor of the butterfly. */
function rotateButterfly(
  base: Float64Array,
  rotations: Blocks,
  rows: number,
  factor: number | null,
): Float64Array {
  if (factor === null) return rotateInputs(base, rotations, rows);
  const width = base.length / rows;
  const order = butterfly(width, rotations.size, factor);
  // Row i of P has its 1 at order[i], so that (θ₀·P)[order[i]] = θ₀[i].
  const gathered = new Float64Array(base.length);
  for (const [at, value] of base.entries()) {
    const row = Math.floor(at / width) * width;
    gathered[row + (order[at - row] as number)] = value;
  }
  const rotated = rotateInputs(gathered, rotations, rows);
  return base.map((_, at) => {
    const row = Math.floor(at / width) * width;
    return rotated[row + (order[at - row] as number)] as number;
  });
}

/** Within runs of 2^factor blocks the half-blocks at even places come first, then those at odd ones. */
function butterfly(width: number, size: number, factor: number): Int32Array {
  const half = size / 2;
  const run = size * 2 ** factor;
  const steps = run / half;
  return Int32Array.from({ length: width }, (_, at) => {
    const within = at % run;
    const step = Math.floor(within / half);
    const from = step < steps / 2 ? 2 * step : 2 * (step - steps / 2) + 1;
    return at - within + from * half + (within % half);
  });
}
