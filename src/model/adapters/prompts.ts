import type { TensorEntry } from '../../format/checkpoint';
import { rawPrompt } from './raw-prompt';
import type { AdapterSettings } from './rules';
import type { WholeAdapter, WholeKind } from './without-delta';

/** Kinds of PEFT that keep `prompt_embeddings` and nothing else, by their names in the configuration. */
const TITLES: Readonly<Record<string, string>> = {
  PROMPT_TUNING: 'prompt tuning',
  PREFIX_TUNING: 'prefix tuning',
  P_TUNING: 'P-tuning',
  MULTITASK_PROMPT_TUNING: 'multitask prompt tuning',
  CPT: 'context-aware prompt tuning',
};
const NAMES =
  /^(?:.*\.)?(?:prompt_embeddings?|prefix_task_(?:cols|rows)|soft_prompt(?:\.weight)?|prompt_encoder\..+|adaption_(?:prompt|gate)|prompt_learner\.ctx|deep_prompt_embeddings|(?:[eg]_)?prompt\.prompt(?:_key)?|memory_tokens?|prefix_tunings?\..+|prefix_gates?\..+)$/;

/**
 * Soft prompts: vectors before the tokens (prompt tuning, Lester et al. 2021, https://arxiv.org/abs/2104.08691) or before keys
 * and values (prefix tuning, Li & Liang 2021, https://arxiv.org/abs/2101.00190; LLaMA-Adapter, https://arxiv.org/abs/2303.16199), in
 * a pool (L2P, https://arxiv.org/abs/2112.08654), or alone in a file.
 */
export const prompts: WholeKind = {
  id: 'prompts',
  source: 'https://arxiv.org/abs/2104.08691',
  recognise(tensors: readonly TensorEntry[], { config }: AdapterSettings): WholeAdapter | null {
    const isNamed = tensors.length > 0 && tensors.every(({ name }) => NAMES.test(name));
    if (!isNamed && rawPrompt(tensors) === null) return null;
    const title =
      (config && TITLES[config.peftType.toUpperCase()]) ??
      (tensors.some(({ name }) => /adaption_/.test(name)) ? 'LLaMA-Adapter' : 'soft prompt');
    return {
      title,
      reason:
        'it puts learnt vectors before the input, or before keys and values, and changes no weight of the base.',
    };
  },
};
