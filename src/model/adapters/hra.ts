import { shapeText } from '../shape-text';
import { endings } from './endings';
import { matrixOf, type AdapterFamily, type FormedRecipe } from './family';
import { formedTarget } from './target';

/**
 * HRA (Yuan et al. 2024, https://arxiv.org/abs/2405.17484, eq. 3): θ = θ₀·H₁·…·Hᵣ with Householder reflections H = 1 − 2·u·uᵀ of unit
 * vectors. `hra_u` is inputs × r; where the configuration says `apply_GS` its columns are made orthonormal first (as in PEFT).
 */
export const hra: AdapterFamily = {
  id: 'hra',
  title: 'HRA',
  source: 'https://arxiv.org/abs/2405.17484',
  endings: endings('PEFT', { hra_u: 'hra_u' }),
  describe(tensors, rules) {
    const entry = tensors.parts.get('hra_u');
    if (!entry) return null;
    const { rows: inputs, columns: rank } = matrixOf(entry);
    const orthonormal = rules.field('apply_GS') === true;
    const mismatch: FormedRecipe['mismatch'] = (shape) => {
      const width = shape.slice(1).reduce((product, each) => product * each, 1);
      return shape.length >= 2 && width === inputs
        ? null
        : `hra_u reflects ${String(inputs)} inputs, the base’s weight is ${shapeText(shape)}`;
    };
    const target = formedTarget('HRA', tensors, new Map([['u', entry]]), 'weight', (values, base) => {
      const vectors = unitColumns(values.get('u')?.values ?? new Float64Array(0), inputs, rank, orthonormal);
      return reflected(base, vectors, inputs);
    }, mismatch); // prettier-ignore
    return [{ ...target, rank, storedRank: rank }];
  },
};

/** Columns of an inputs × r matrix as vectors of length 1; one after another made orthogonal to those before where asked for. */
function unitColumns(u: Float64Array, inputs: number, rank: number, orthonormal: boolean): Float64Array[] {
  const vectors: Float64Array[] = [];
  for (let k = 0; k < rank; k++) {
    const vector = Float64Array.from({ length: inputs }, (_, i) => u[i * rank + k] as number);
    if (orthonormal) for (const other of vectors) addTo(vector, other, -dot(vector, other));
    const length = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((value) => value / length));
  }
  return vectors;
}

/** Every row w becomes w − 2·(w·u)·u, for one u after another. */
function reflected(base: Float64Array, vectors: readonly Float64Array[], inputs: number): Float64Array {
  const rows = base.slice();
  for (let first = 0; first < rows.length; first += inputs) {
    const row = rows.subarray(first, first + inputs);
    for (const u of vectors) addTo(row, u, -2 * dot(row, u));
  }
  return rows;
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < x.length; at++) sum += (x[at] as number) * (y[at] as number);
  return sum;
}

function addTo(x: Float64Array, y: Float64Array, factor: number): void {
  for (let at = 0; at < x.length; at++) x[at] = (x[at] as number) + factor * (y[at] as number);
}
