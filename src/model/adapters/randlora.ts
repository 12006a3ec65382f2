import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily, Factors, PartValues } from './family';
import { turn } from './products';
import { refusal } from './target';

/**
 * RandLoRA (Albert et al. 2025, https://arxiv.org/abs/2502.00987, eq. 4) as PEFT has it: `ΔW = (alpha / r) · Σ B·Λ·A·Γ` over
 * random bases that all modules share, of full rank. A belongs to the smaller side of the weight.
 */
export const randlora: AdapterFamily = {
  id: 'randlora',
  title: 'RandLoRA',
  source: 'https://arxiv.org/abs/2502.00987',
  endings: endings('PEFT', {
    randlora_A: 'shared.randlora_A',
    randlora_B: 'shared.randlora_B',
    randlora_lambda: 'rand.lambda',
    randlora_gamma: 'rand.gamma',
  }),
  describe(tensors, rules) {
    const { parts } = tensors;
    const [lambda, gamma] = [parts.get('rand.lambda'), parts.get('rand.gamma')];
    if (!lambda && !gamma)
      return parts.has('shared.randlora_A') || parts.has('shared.randlora_B') ? [] : null;
    if (!lambda || !gamma)
      return [refusal('RandLoRA', tensors, 'lacks its lambda or its gamma', 'lora-factor-missing')];
    const [a, b] = [rules.shared('shared.randlora_A'), rules.shared('shared.randlora_B')];
    if (!a || !b) {
      const reason =
        'the shared random bases are not in the file; PEFT makes them anew with torch’s random numbers';
      return [refusal('RandLoRA', tensors, reason)];
    }
    const [rank = 0, bases = 0] = lambda.span.shape;
    const smaller = gamma.span.shape[1] ?? 0;
    const { rank: nominal, alpha, scale } = rules.scaleOf(tensors, rank);
    const [largest = 0] = b.span.shape;
    const fits =
      a.span.shape[0] === rank &&
      // PEFT keeps one A for all bases.
      (a.span.shape[1] === 1 || (a.span.shape[1] ?? 0) >= bases) &&
      (a.span.shape[2] ?? 0) >= smaller &&
      b.span.shape[2] === rank &&
      (b.span.shape[1] ?? 0) >= bases;
    if (!fits)
      return [
        refusal('RandLoRA', tensors, 'its vectors do not go with the shared bases', 'lora-factors-disagree'),
      ];
    return [
      {
        kind: 'target', title: 'RandLoRA', key: tensors.key, module: tensors.key.module, parameter: 'weight',
        rank: nominal, storedRank: rank, alpha, scale, tensors: [lambda, gamma], shape: null, embedding: false,
        recipe: {
          kind: 'sized',
          mismatch: (shape) =>
            shape.length === 2 && Math.min(...shape) === smaller && Math.max(...shape) <= largest
              ? null
              : `gamma is for a smaller side of ${String(smaller)}, the base’s weight is ${shapeText(shape)}`,
          at: ([rows = 0, columns = 0]) => ({
            kind: 'factored',
            rank: rank * bases,
            parts: new Map([['lambda', lambda], ['gamma', gamma], ['a', a], ['b', b]]),
            factors: (values) => factorsOf(values, rank, bases, rows, columns),
          }),
        },
      },
    ]; // prettier-ignore
  },
};

/**
 * `small` is (r, base) × smaller side: A·λ·γ. `large` is larger side × (base, r): PEFT flattens the two in different orders
 * and multiplies them all the same, so that is what its ΔW is.
 */
function factorsOf(values: PartValues, rank: number, bases: number, rows: number, columns: number): Factors {
  const [less, more] = [Math.min(rows, columns), Math.max(rows, columns)];
  const [a, b, lambda, gamma] = ['a', 'b', 'lambda', 'gamma'].map((part) => values.get(part));
  const inner = rank * bases;
  const [small, large] = [new Float64Array(inner * less), new Float64Array(more * inner)];
  const [allBases = 0, width = 0] = [a?.shape[1], a?.shape[2]];
  for (let r = 0; r < rank; r++)
    for (let n = 0; n < bases; n++)
      for (let j = 0; j < less; j++)
        small[(r * bases + n) * less + j] =
          (a?.values[(r * allBases + (allBases === 1 ? 0 : n)) * width + j] ?? NaN) *
          (lambda?.values[r * bases + n] ?? NaN) *
          (gamma?.values[n * less + j] ?? NaN);
  const own = b?.shape[1] ?? 0;
  for (let i = 0; i < more; i++)
    for (let k = 0; k < inner; k++) large[i * inner + k] = b?.values[i * own * rank + k] ?? NaN;
  // The smaller side is the inputs where both are equal.
  if (less === columns) return { rows, columns, rank: inner, b: large, a: small };
  return { rows, columns, rank: inner, b: turn(small, inner, less), a: turn(large, more, inner) };
}
