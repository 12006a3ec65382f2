import { endings } from './endings';
import type { AdapterFamily } from './family';
import { refusal } from './target';

/**
 * Polytropon and MHR (Ponti et al. 2023, https://arxiv.org/abs/2202.13914; Caccia et al. 2023, https://arxiv.org/abs/2211.03831):
 * every task mixes a stock of skills, so there is one ΔW for each task and none for the adapter.
 */
export const poly: AdapterFamily = {
  id: 'poly',
  title: 'Polytropon',
  source: 'https://arxiv.org/abs/2202.13914',
  endings: endings('PEFT', {
    poly_lora_A: 'poly.a',
    poly_lora_B: 'poly.b',
    'poly_router.module_logits': 'poly.router',
  }),
  describe(tensors) {
    if (![...tensors.parts.keys()].some((part) => part.startsWith('poly.'))) return null;
    return [
      refusal(
        'Polytropon',
        tensors,
        'every task mixes the skills of this adapter in its own way, so it has no single ΔW',
        'adapter-mixed-deltas',
      ),
    ];
  },
};
