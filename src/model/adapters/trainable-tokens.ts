import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily } from './family';
import { formedTarget, refusal } from './target';

/**
 * Trainable tokens of PEFT (https://huggingface.co/docs/peft/package_reference/trainable_tokens): rows of an embedding that
 * take the place of the base's. Which rows is in the configuration: `token_indices`, beside LoRA `trainable_token_indices`.
 */
export const trainableTokens: AdapterFamily = {
  id: 'trainable-tokens',
  title: 'trainable tokens',
  source: 'https://huggingface.co/docs/peft/package_reference/trainable_tokens',
  endings: endings('PEFT', {
    'token_adapter.trainable_tokens_delta': 'tokens',
    trainable_tokens_delta: 'tokens',
    'token_adapter.trainable_tokens_original': 'tokens.original',
    trainable_tokens_original: 'tokens.original',
  }),
  describe(tensors, rules) {
    const rows = tensors.parts.get('tokens');
    if (!rows) return tensors.parts.has('tokens.original') ? [] : null;
    const [count = 0, width = 0] = rows.span.shape;
    const listed =
      indicesOf(rules.field('token_indices')) ??
      indicesOf(rules.field('trainable_token_indices'), tensors.key.module);
    if (!listed)
      return [refusal('trainable tokens', tensors, 'the configuration does not say which tokens these are')];
    if (listed.length !== count)
      return [
        refusal(
          'trainable tokens',
          tensors,
          `${String(count)} rows are stored for ${String(listed.length)} tokens`,
          'lora-factors-disagree',
        ),
      ];
    const most = listed.reduce((largest, token) => Math.max(largest, token), 0);
    return [
      formedTarget('trainable tokens', tensors, new Map([['tokens', rows]]), 'weight', (values, base) => {
        const own = values.get('tokens')?.values ?? new Float64Array(0);
        const weight = Float64Array.from(base);
        for (const [k, token] of listed.entries()) weight.set(own.subarray(k * width, (k + 1) * width), token * width);
        return weight;
      }, ([tokens = 0, columns, ...rest]) =>
        columns === width && rest.length === 0 && most < tokens
          ? null
          : `rows ${shapeText(rows.span.shape)} up to token ${String(most)} are none of the base’s embedding`),
    ]; // prettier-ignore
  },
};

/** Token numbers from a list, or from the entry of an object for this module. */
function indicesOf(value: unknown, module = ''): readonly number[] | null {
  if (Array.isArray(value)) {
    const whole = value.every((item): item is number => Number.isInteger(item) && (item as number) >= 0);
    return whole && value.length > 0 ? value : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const entry = Object.entries(value).find(([name]) => module === name || module.endsWith(`.${name}`));
  return entry ? indicesOf(entry[1]) : null;
}
