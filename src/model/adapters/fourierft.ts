import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily, Factors, PartValues } from './family';
import { refusal } from './target';
import { FIRST_DRAWN_OTHERWISE, torchPermutation } from './torch-random';

/**
 * FourierFT (Gao et al. 2024, https://arxiv.org/abs/2405.03003, eq. 2–4): `ΔW = scaling · Re(IDFT₂(F))`, F zero but for n
 * coefficients at places that PEFT draws anew from a seed: `torch.randperm(out · in)`, the first n. A coefficient at (u, v) adds
 * (cos αᵢ cos βⱼ − sin αᵢ sin βⱼ) / mn with αᵢ = 2πui/m and βⱼ = 2πvj/n: two of the 2n columns and rows of the factors.
 */
export const fourierft: AdapterFamily = {
  id: 'fourierft',
  title: 'FourierFT',
  source: 'https://arxiv.org/abs/2405.03003',
  endings: endings('PEFT', { fourierft_spectrum: 'spectrum' }),
  describe(tensors, rules) {
    const spectrum = tensors.parts.get('spectrum');
    if (!spectrum) return null;
    const [scaling, seed, norm] = [
      rules.field('scaling') ?? 150,
      rules.field('random_loc_seed') ?? 777,
      rules.field('ifft2_norm') ?? 'backward',
    ];
    if (typeof scaling !== 'number' || typeof seed !== 'number')
      return [refusal('FourierFT', tensors, 'the configuration does not say where the coefficients are')];
    const count = spectrum.span.count;
    return [
      {
        kind: 'target', title: 'FourierFT', key: tensors.key, module: tensors.key.module, parameter: 'weight',
        rank: null, storedRank: null, alpha: null, scale: scaling, tensors: [spectrum], shape: null, embedding: false,
        recipe: {
          kind: 'sized',
          mismatch: (shape) => mismatchOf(count, shape),
          at: ([rows = 0, columns = 0]) => {
            const frequencies = (values: PartValues) => frequenciesOf(values, seed, rows, columns, norm);
            return {
              kind: 'factored',
              rank: 2 * count,
              parts: new Map([['spectrum', spectrum]]),
              factors: (values) => factorsOf(frequencies(values), rows, columns),
              product: (values) => productOf(frequencies(values), rows, columns),
            };
          },
        },
      },
    ]; // prettier-ignore
  },
};

function mismatchOf(count: number, shape: readonly number[]): string | null {
  const size = (shape[0] ?? 0) * (shape[1] ?? 0);
  if (shape.length !== 2 || count >= size)
    return `${String(count)} coefficients of a matrix do not go with the base’s weight ${shapeText(shape)}`;
  if (size < FIRST_DRAWN_OTHERWISE) return null;
  return `where the coefficients of a weight as large as ${shapeText(shape)} are cannot be drawn yet`;
}

/** A coefficient, over the divisor of the transform, and its place in the spectrum. */
interface Frequency {
  readonly u: number;
  readonly v: number;
  readonly weight: number;
}

function frequenciesOf(
  values: PartValues,
  seed: number,
  rows: number,
  columns: number,
  norm: unknown,
): readonly Frequency[] {
  const spectrum = values.get('spectrum')?.values ?? new Float64Array(0);
  // As numpy and torch have it: 1/mn, its root, or nothing.
  const size = rows * columns;
  const divisor = norm === 'forward' ? 1 : norm === 'ortho' ? Math.sqrt(size) : size;
  return torchPermutation(seed, size, spectrum.length).map((place, f) => ({
    u: Math.floor(place / columns),
    v: place % columns,
    weight: (spectrum[f] ?? NaN) / divisor,
  }));
}

/** Cosines and sines of every coefficient; the coefficient and the norm of the transform are in `b`. */
function factorsOf(frequencies: readonly Frequency[], rows: number, columns: number): Factors {
  const rank = 2 * frequencies.length;
  const [b, a] = [new Float64Array(rows * rank), new Float64Array(rank * columns)];
  for (const [f, { u, v, weight }] of frequencies.entries()) {
    for (let i = 0; i < rows; i++) {
      const angle = (2 * Math.PI * ((u * i) % rows)) / rows;
      b[i * rank + 2 * f] = weight * Math.cos(angle);
      b[i * rank + 2 * f + 1] = -weight * Math.sin(angle);
    }
    for (let j = 0; j < columns; j++) {
      const angle = (2 * Math.PI * ((v * j) % columns)) / columns;
      a[2 * f * columns + j] = Math.cos(angle);
      a[(2 * f + 1) * columns + j] = Math.sin(angle);
    }
  }
  return { rows, columns, rank, b, a };
}

/** The sum of all coefficients, those with the same u together: never more than `rows` waves, however many there are. */
function productOf(frequencies: readonly Frequency[], rows: number, columns: number): Float64Array {
  const waves = new Map<number, { readonly cos: Float64Array; readonly sin: Float64Array }>();
  for (const { u, v, weight } of frequencies) {
    const wave = waves.get(u) ?? { cos: new Float64Array(columns), sin: new Float64Array(columns) };
    waves.set(u, wave);
    for (let j = 0; j < columns; j++) {
      const angle = (2 * Math.PI * ((v * j) % columns)) / columns;
      wave.cos[j] = (wave.cos[j] as number) + weight * Math.cos(angle);
      wave.sin[j] = (wave.sin[j] as number) + weight * Math.sin(angle);
    }
  }
  const product = new Float64Array(rows * columns);
  for (const [u, wave] of waves) {
    for (let i = 0; i < rows; i++) {
      const angle = (2 * Math.PI * ((u * i) % rows)) / rows;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const row = product.subarray(i * columns, (i + 1) * columns);
      for (let j = 0; j < columns; j++)
        row[j] = (row[j] as number) + cos * (wave.cos[j] as number) - sin * (wave.sin[j] as number);
    }
  }
  return product;
}
