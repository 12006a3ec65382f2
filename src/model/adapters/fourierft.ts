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
          at: ([rows = 0, columns = 0]) => ({
            kind: 'factored',
            rank: 2 * count,
            parts: new Map([['spectrum', spectrum]]),
            factors: (values) => factorsOf(values, torchPermutation(seed, rows * columns, count), rows, columns, norm),
          }),
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

/** Cosines and sines of every coefficient; the coefficient and the norm of the transform are in `b`. */
function factorsOf(
  values: PartValues,
  places: readonly number[],
  rows: number,
  columns: number,
  norm: unknown,
): Factors {
  const spectrum = values.get('spectrum')?.values ?? new Float64Array(0);
  const rank = 2 * spectrum.length;
  // As numpy and torch have it: 1/mn, its root, or nothing.
  const size = rows * columns;
  const divisor = norm === 'forward' ? 1 : norm === 'ortho' ? Math.sqrt(size) : size;
  const [b, a] = [new Float64Array(rows * rank), new Float64Array(rank * columns)];
  for (const [f, place] of places.entries()) {
    const [u, v] = [Math.floor(place / columns), place % columns];
    const weight = (spectrum[f] ?? NaN) / divisor;
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
