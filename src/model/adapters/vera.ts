import { shapeText } from '../shape-text';
import { endings } from './endings';
import { matrixOf, type AdapterFamily, type Factors, type PartValues } from './family';
import { refusal } from './target';

/**
 * VeRA (Kopiczko et al. 2024, https://arxiv.org/abs/2310.11454, eq. 2): `ΔW = Λ_b · B · Λ_d · A` with A and B shared by all
 * modules, of which each takes as many rows of B and columns of A as it has outputs and inputs.
 */
export const vera: AdapterFamily = {
  id: 'vera',
  title: 'VeRA',
  source: 'https://arxiv.org/abs/2310.11454',
  endings: endings('PEFT', {
    vera_A: 'shared.vera_A',
    vera_B: 'shared.vera_B',
    vera_lambda_b: 'lambda_b',
    vera_lambda_d: 'lambda_d',
  }),
  describe(tensors, rules) {
    const [lambdaB, lambdaD] = [tensors.parts.get('lambda_b'), tensors.parts.get('lambda_d')];
    if (!lambdaB && !lambdaD)
      return tensors.parts.has('shared.vera_A') || tensors.parts.has('shared.vera_B') ? [] : null;
    if (!lambdaB || !lambdaD)
      return [refusal('VeRA', tensors, 'lacks one of its two vectors', 'lora-factor-missing')];
    const [a, b] = [rules.shared('shared.vera_A'), rules.shared('shared.vera_B')];
    if (!a || !b) {
      const seed = rules.field('projection_prng_key');
      const reason = `the shared matrices A and B are not in the file; PEFT makes them anew with torch’s random numbers (seed ${typeof seed === 'number' ? String(seed) : 'unknown'})`;
      return [refusal('VeRA', tensors, reason)];
    }
    const [rows, rank] = [lambdaB.span.count, lambdaD.span.count];
    if (matrixOf(b).rows < rows || matrixOf(b).columns !== rank || matrixOf(a).rows !== rank)
      return [
        refusal('VeRA', tensors, 'its vectors do not go with the shared matrices', 'lora-factors-disagree'),
      ];
    const parts = new Map([['lambda_b', lambdaB], ['lambda_d', lambdaD], ['a', a], ['b', b]]); // prettier-ignore
    return [
      {
        kind: 'target', title: 'VeRA', key: tensors.key, module: tensors.key.module, parameter: 'weight',
        rank, storedRank: rank, alpha: null, scale: 1, tensors: [lambdaB, lambdaD],
        shape: null, embedding: false,
        recipe: {
          kind: 'sized',
          mismatch: (shape) => mismatchOf(shape, rows, matrixOf(a).columns),
          at: ([, columns = 0]) => ({ kind: 'factored', rank, parts, factors: (values) => factorsOf(values, rows, rank, columns) }),
        },
      },
    ]; // prettier-ignore
  },
};

function mismatchOf(shape: readonly number[], rows: number, most: number): string | null {
  if (shape.length === 2 && shape[0] === rows && (shape[1] ?? 0) <= most) return null;
  return `ΔW is ${String(rows)} × at most ${String(most)}, the base’s weight is ${shapeText(shape)}`;
}

/** (Λ_b·B)[:rows] and (Λ_d·A)[:, :columns]. */
function factorsOf(values: PartValues, rows: number, rank: number, columns: number): Factors {
  const [a, b] = [values.get('a'), values.get('b')];
  const [lambdaB, lambdaD] = [values.get('lambda_b')?.values, values.get('lambda_d')?.values];
  const width = a ? a.values.length / rank : 0;
  const left = new Float64Array(rows * rank);
  const right = new Float64Array(rank * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rank; k++)
      left[i * rank + k] = (lambdaB?.[i] ?? NaN) * (b?.values[i * rank + k] ?? NaN);
  for (let k = 0; k < rank; k++)
    for (let j = 0; j < columns; j++)
      right[k * columns + j] = (lambdaD?.[k] ?? NaN) * (a?.values[k * width + j] ?? NaN);
  return { rows, columns, rank, b: left, a: right };
}
