import { success } from '../../protocol/result';
import type { TensorEntry } from '../../format/checkpoint';
import { shapeText } from '../shape-text';
import { cayley, skew, skewOfTriangles, type Blocks } from './cayley';
import { endings } from './endings';
import type { AdapterFamily, AdapterRules, Described, FormedRecipe, ModuleTensors } from './family';
import { multiply } from './products';
import { formedTarget, refusal } from './target';

/**
 * OFT (Qiu et al. 2023, https://arxiv.org/abs/2306.07280): θ is θ₀ rotated in blocks by the Cayley transform of
 * skew-symmetric matrices Q. PEFT since 0.16 rotates the inputs, θ = θ₀·Rᵀ, and keeps the upper triangles of Q. LyCORIS and
 * kohya rotate the outputs, θ = Rᵀ·θ₀ with Q = P − Pᵀ of the stored blocks, perhaps with a factor for every output.
 */
export const oft: AdapterFamily = {
  id: 'oft',
  title: 'OFT',
  source: 'https://arxiv.org/abs/2306.07280',
  endings: [
    ...endings('PEFT', { 'oft_R.weight': 'oft_R', oft_r: 'oft_r' }),
    ...endings('LyCORIS', { oft_blocks: 'oft_blocks', rescale: 'rescale' }),
  ],
  describe(tensors, rules) {
    const { parts } = tensors;
    const [peft, lycoris] = [parts.get('oft_R'), parts.get('oft_blocks')];
    if (peft) return [ofInputs(tensors, peft, rules)];
    if (lycoris) return [ofOutputs(tensors, lycoris, rules)];
    if (!parts.has('oft_r')) return null;
    const reason = 'PEFT before 0.16 stored rotations whose convention its versions do not share';
    return [refusal('OFT', tensors, reason)];
  },
};

function ofInputs(tensors: ModuleTensors, entry: TensorEntry, rules: AdapterRules): Described {
  const [stored = 0, listed = 0] = entry.span.shape;
  const size = Math.round((1 + Math.sqrt(1 + 8 * listed)) / 2);
  if (rules.field('coft') === true)
    return refusal('OFT', tensors, 'constrained OFT projects its rotations once more when it is loaded');
  if ((size * (size - 1)) / 2 !== listed || listed === 0)
    return refusal('OFT', tensors, `oft_R ${shapeText(entry.span.shape)} lists no triangles`);
  const neumann = rules.field('use_cayley_neumann') === true;
  const terms = Number(rules.field('num_cayley_neumann_terms') ?? 5);
  const mismatch: FormedRecipe['mismatch'] = (shape) => {
    const width = shape.slice(1).reduce((product, each) => product * each, 1);
    const fits = shape.length >= 2 && width % size === 0 && (stored === 1 || stored * size === width);
    return fits
      ? null
      : `${String(stored)} blocks of ${String(size)} do not rotate the inputs of ${shapeText(shape)}`;
  };
  return formedTarget('OFT', tensors, new Map([['oft_R', entry]]), 'weight', (values, base, shape) => {
    const q = skewOfTriangles(values.get('oft_R')?.values ?? new Float64Array(0), size);
    const rotations = neumann ? neumannSeries(q, terms) : cayley(q, -1);
    return rotateInputs(base, rotations, shape[0] ?? 1);
  }, mismatch); // prettier-ignore
}

/** 1 + 2Q + 2Q² + … + Qⁿ: what PEFT takes for (1 + Q)·(1 − Q)⁻¹ where the configuration asks for it. */
function neumannSeries({ size, values }: Blocks, terms: number): Blocks {
  const sum = new Float64Array(values.length);
  const last = terms < 3 ? terms - 1 : Math.max(3, terms - 1);
  for (let start = 0; start < values.length; start += size * size) {
    const q = values.subarray(start, start + size * size);
    const own = sum.subarray(start, start + size * size);
    for (let i = 0; i < size; i++) own[i * (size + 1)] = 1;
    let power: Float64Array = q;
    for (let n = 1; n <= last; n++) {
      if (n > 1) power = multiply(power, q, size, size, size);
      const weight = n === last && terms > 2 ? 1 : 2;
      for (let at = 0; at < own.length; at++) own[at] = (own[at] as number) + weight * (power[at] as number);
    }
  }
  return { size, values: sum };
}

/** θ₀·Rᵀ with R block-diagonal; one block stands for all. */
export function rotateInputs(base: Float64Array, { size, values }: Blocks, rows: number): Float64Array {
  const width = base.length / rows;
  const shared = values.length === size * size;
  const out = new Float64Array(base.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const block = Math.floor(column / size);
      const rotation = ((shared ? 0 : block * size) + (column % size)) * size;
      let sum = 0;
      for (let k = 0; k < size; k++)
        sum += (base[row * width + block * size + k] as number) * (values[rotation + k] as number);
      out[row * width + column] = sum;
    }
  }
  return out;
}

function ofOutputs(tensors: ModuleTensors, entry: TensorEntry, rules: AdapterRules): Described {
  const [count = 0, size = 0] = entry.span.shape;
  if (entry.span.shape.length !== 3)
    return refusal('BOFT', tensors, 'butterflies of LyCORIS are not taken yet');
  const rescale = tensors.parts.get('rescale');
  const constraint = (rules.scalar(tensors.parts.get('alpha')) ?? 0) * count * size;
  const parts = new Map([['oft_blocks', entry], ...(rescale ? [['rescale', rescale] as const] : [])]);
  const mismatch: FormedRecipe['mismatch'] = (shape) =>
    shape[0] === count * size
      ? null
      : `${String(count)} blocks of ${String(size)} do not rotate the outputs of ${shapeText(shape)}`;
  const target = formedTarget('OFT', tensors, parts, 'weight', () => new Float64Array(0), mismatch);
  const recipe: FormedRecipe = {
    kind: 'formed',
    parts,
    mismatch,
    form: (values, base) => {
      const q = skew({ size, values: values.get('oft_blocks')?.values ?? new Float64Array(0) });
      const rotations = cayley(constrained(q, constraint), 1);
      return success(rotateOutputs(base, rotations, values.get('rescale')?.values ?? null));
    },
  };
  return { ...target, recipe };
}

/** Q no longer than the constraint, as LyCORIS has it (0: none). */
function constrained(q: Blocks, constraint: number): Blocks {
  const norm = Math.sqrt(q.values.reduce((sum, value) => sum + value * value, 0)) + 1e-8;
  if (constraint <= 0 || norm <= constraint) return q;
  return { ...q, values: q.values.map((value) => (value * constraint) / norm) };
}

/** diag(rescale)·Rᵀ·θ₀: row m of a block is Σₙ R[n, m] · row n. */
function rotateOutputs(
  base: Float64Array,
  { size, values }: Blocks,
  rescale: Float64Array | null,
): Float64Array {
  const rows = values.length / size;
  const width = base.length / rows;
  const out = new Float64Array(base.length);
  for (let row = 0; row < rows; row++) {
    const first = Math.floor(row / size) * size;
    for (let n = 0; n < size; n++) {
      const factor = (rescale?.[row] ?? 1) * (values[(first + n) * size + (row - first)] as number);
      const from = (first + n) * width;
      for (let j = 0; j < width; j++)
        out[row * width + j] = (out[row * width + j] as number) + factor * (base[from + j] as number);
    }
  }
  return out;
}
