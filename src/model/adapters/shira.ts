import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily } from './family';
import { formedTarget, refusal } from './target';

/** SHiRA (Bhardwaj et al. 2024, https://arxiv.org/abs/2406.13175): a few entries of θ₀ change; their places are stored beside them. */
export const shira: AdapterFamily = {
  id: 'shira',
  title: 'SHiRA',
  source: 'https://arxiv.org/abs/2406.13175',
  endings: endings('PEFT', { shira_weight: 'shira_weight', shira_indices: 'shira_indices' }),
  describe(tensors) {
    const [entries, places] = [tensors.parts.get('shira_weight'), tensors.parts.get('shira_indices')];
    if (!entries && !places) return null;
    if (!entries || !places)
      return [refusal('SHiRA', tensors, 'lacks its values or their places', 'lora-factor-missing')];
    const count = entries.span.count;
    if (places.span.shape[0] !== 2 || places.span.count !== 2 * count)
      return [
        refusal(
          'SHiRA',
          tensors,
          `${String(count)} values have places ${shapeText(places.span.shape)}`,
          'lora-factors-disagree',
        ),
      ];
    const parts = new Map([['values', entries], ['places', places]]); // prettier-ignore
    return [
      formedTarget('SHiRA', tensors, parts, 'weight', (values, base, shape) => {
        const [own, at] = [values.get('values')?.values, values.get('places')?.values];
        const weight = Float64Array.from(base);
        const columns = shape[1] ?? 1;
        for (let k = 0; k < count; k++) {
          const cell = (at?.[k] ?? NaN) * columns + (at?.[count + k] ?? NaN);
          if (cell < weight.length) weight[cell] = (weight[cell] as number) + (own?.[k] ?? NaN);
        }
        return weight;
      }, (shape) => (shape.length === 2 ? null : `SHiRA is for matrices, the base’s weight is ${shapeText(shape)}`)),
    ]; // prettier-ignore
  },
};
