import { endings } from './endings';
import { matrixOf, type AdapterFamily, type Factors, type PartValues } from './family';
import { refusal } from './target';

/** PEFT divides by the rank and this, so that a rank of 0 is no fault. */
const SMALL = 1e-5;

/**
 * AdaLoRA (Zhang et al. 2023, https://arxiv.org/abs/2303.10512, eq. 3): `ΔW = B · diag(E) · A`; PEFT scales it by alpha / (r +
 * 1e-5), r being the rank that the module was left with.
 */
export const adalora: AdapterFamily = {
  id: 'adalora',
  title: 'AdaLoRA',
  source: 'https://arxiv.org/abs/2303.10512',
  endings: endings('PEFT', { lora_E: 'e' }),
  describe(tensors, rules) {
    const [a, b, e] = ['a', 'b', 'e'].map((part) => tensors.parts.get(part));
    if (!e) return null;
    if (!a || !b) return [refusal('AdaLoRA', tensors, 'lacks lora_A or lora_B', 'lora-factor-missing')];
    const rank = e.span.count;
    if (matrixOf(a).rows !== rank || matrixOf(b).columns !== rank)
      return [
        refusal('AdaLoRA', tensors, 'lora_A, lora_B and lora_E differ in rank', 'lora-factors-disagree'),
      ];
    const shape = { rows: matrixOf(b).rows, columns: matrixOf(a).columns };
    const { alpha } = rules.scaleOf(tensors, rank);
    const parts = new Map([['a', a], ['b', b], ['e', e]]); // prettier-ignore
    const factors = (values: PartValues): Factors => {
      const own = values.get('e')?.values;
      const right = (values.get('a')?.values ?? new Float64Array(0)).map(
        (value, at) => value * (own?.[Math.floor(at / shape.columns)] ?? NaN),
      );
      return { ...shape, rank, b: values.get('b')?.values ?? new Float64Array(0), a: right };
    };
    return [
      {
        kind: 'target', title: 'AdaLoRA', key: tensors.key, module: tensors.key.module, parameter: 'weight',
        rank, storedRank: rank, alpha, scale: (alpha > 0 ? alpha : rank) / (rank + SMALL),
        tensors: [a, b, e], shape, embedding: false, recipe: { kind: 'factored', rank, parts, factors },
      },
    ]; // prettier-ignore
  },
};
