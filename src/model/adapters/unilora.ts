import { endings } from './endings';
import type { AdapterFamily } from './family';
import { refusal } from './target';

/**
 * Uni-LoRA (Li et al. 2025, https://arxiv.org/abs/2506.00799): all factors are entries of one trained vector, at places that a random
 * generator draws when the adapter is loaded.
 */
export const unilora: AdapterFamily = {
  id: 'unilora',
  title: 'Uni-LoRA',
  source: 'https://arxiv.org/abs/2506.00799',
  endings: endings('PEFT', {
    unilora_theta_d: 'unilora.theta',
    unilora_indices_A: 'unilora.indices',
    unilora_indices_B: 'unilora.indices.b',
    unilora_scales_A: 'unilora.scales',
    unilora_scales_B: 'unilora.scales.b',
  }),
  describe(tensors) {
    if (![...tensors.parts.keys()].some((part) => part.startsWith('unilora.'))) return null;
    const reason =
      'its factors are places in one vector that a random generator draws over all modules together, and versions draw differently';
    return [refusal('Uni-LoRA', tensors, reason)];
  },
};
