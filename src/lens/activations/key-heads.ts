import { numbersOf, type TensorValue } from '../../graph/tensor-value';
import { headBlocks } from './head-blocks';
import { keySpectrum, Scatter, type KeySpectrum } from './key-spectra';

/** Adds keys of the shape … × size × tokens; the size of a head, or `null` for another shape. */
export function addKeys(
  heads: Map<number, Scatter> | undefined,
  value: TensorValue,
  samples: number,
): number | null {
  const blocks = headBlocks(value, samples);
  if (!blocks || !heads) return null;
  const { rows: size, columns: tokens } = blocks;
  for (let sample = 0; sample < samples; sample++) {
    for (let head = 0; head < blocks.heads; head++) {
      const own = heads.get(head) ?? new Scatter(size);
      heads.set(head, own);
      own.add(blocks.values, (sample * blocks.heads + head) * size * tokens, tokens, 1, tokens);
    }
  }
  return size;
}

/** Adds keys of the shape … × tokens × (heads · size), head after head. */
export function addPlainKeys(
  heads: Map<number, Scatter> | undefined,
  value: TensorValue,
  size: number,
): void {
  const width = value.shape.at(-1) ?? 0;
  if (!heads || width === 0 || width % size !== 0) return;
  const values = numbersOf(value);
  for (let head = 0; head < width / size; head++) {
    const own = heads.get(head) ?? new Scatter(size);
    heads.set(head, own);
    own.add(values, head * size, values.length / width, width, 1);
  }
}

/** Principal components of every head; heads with the keys of the one before are the same and left out. */
export function spectraOf(heads: Map<number, Scatter>): readonly (KeySpectrum | null)[] {
  const found: (KeySpectrum | null)[] = [];
  let last = '';
  for (const scatter of heads.values()) {
    const covariance = scatter.covariance();
    const text = covariance.values.join();
    if (text !== last) found.push(keySpectrum(covariance));
    last = text;
  }
  return found;
}
