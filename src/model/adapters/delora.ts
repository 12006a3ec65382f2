import { endings } from './endings';
import { matrixOf, type AdapterFamily, type Factors, type PartValues } from './family';
import { refusal } from './target';

/** Norms below this count as this, so that nothing is divided by zero (PEFT). */
const SMALLEST_NORM = 1e-4;

/**
 * DeLoRA (Bini et al. 2025, https://arxiv.org/abs/2503.18225, eq. 8) as PEFT has it: ΔW = B·diag(λ / (r·‖aᵢ‖·‖bᵢ‖))·A·diag(w), with the norms
 * of A's rows and B's columns, and w the norms of the base's columns as they were when the adapter was made.
 */
export const delora: AdapterFamily = {
  id: 'delora',
  title: 'DeLoRA',
  source: 'https://arxiv.org/abs/2503.18225',
  endings: endings('PEFT', {
    delora_A: 'delora_A',
    delora_B: 'delora_B',
    delora_lambda: 'delora_lambda',
    delora_w_norm: 'delora_w_norm',
  }),
  describe(tensors) {
    const [a, b, lambda, norms] = ['delora_A', 'delora_B', 'delora_lambda', 'delora_w_norm'].map((part) =>
      tensors.parts.get(part),
    );
    if (!a && !b && !lambda) return null;
    if (!a || !b || !lambda || !norms)
      return [refusal('DeLoRA', tensors, 'lacks one of its four tensors', 'lora-factor-missing')];
    const { rows: rank, columns } = matrixOf(a);
    const { rows, columns: inner } = matrixOf(b);
    if (inner !== rank || norms.span.count !== columns || lambda.span.count !== 1)
      return [refusal('DeLoRA', tensors, 'its tensors do not go with each other', 'lora-factors-disagree')];
    const parts = new Map([['a', a], ['b', b], ['lambda', lambda], ['norms', norms]]); // prettier-ignore
    const { key } = tensors;
    return [
      {
        kind: 'target', title: 'DeLoRA', key, module: key.module, parameter: 'weight',
        rank, storedRank: rank, alpha: null, scale: 1, tensors: [a, b, lambda, norms], shape: { rows, columns }, embedding: false,
        recipe: { kind: 'factored', rank, parts, factors: (values) => factorsOf(values, rows, rank, columns) },
      },
    ]; // prettier-ignore
  },
};

function factorsOf(values: PartValues, rows: number, rank: number, columns: number): Factors {
  const of = (part: string): Float64Array => values.get(part)?.values ?? new Float64Array(0);
  const [a, b, norms, lambda] = [of('a').slice(), of('b'), of('norms'), of('lambda')[0] ?? NaN];
  for (let k = 0; k < rank; k++) {
    let [ofA, ofB] = [0, 0];
    for (let j = 0; j < columns; j++) ofA += (a[k * columns + j] as number) ** 2;
    for (let i = 0; i < rows; i++) ofB += (b[i * rank + k] as number) ** 2;
    const product = Math.max(Math.sqrt(ofA), SMALLEST_NORM) * Math.max(Math.sqrt(ofB), SMALLEST_NORM);
    const factor = lambda / rank / product;
    for (let j = 0; j < columns; j++)
      a[k * columns + j] = (a[k * columns + j] as number) * factor * (norms[j] as number);
  }
  return { rows, columns, rank, b, a };
}
