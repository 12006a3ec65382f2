import type { TensorEntry } from '../../format/checkpoint';
import type { AdapterSettings } from './rules';
import type { WholeAdapter, WholeKind } from './without-delta';

const CLASSIFIER = /^(?:.*\.)?internal_xlora_classifier\./;
const LAYERS = /^(?:last|inner\.\d+)\.(?:weight|bias)$/;

/** X-LoRA (Buehler & Buehler 2024, https://arxiv.org/abs/2402.07148): the classifier that weighs LoRAs, which lie in files of their own. */
export const xlora: WholeKind = {
  id: 'xlora',
  source: 'https://arxiv.org/abs/2402.07148',
  recognise(tensors: readonly TensorEntry[], { config }: AdapterSettings): WholeAdapter | null {
    const isNamed = tensors.length > 0 && tensors.every(({ name }) => CLASSIFIER.test(name));
    const isSaved =
      config?.peftType.toUpperCase() === 'XLORA' &&
      tensors.length > 0 &&
      tensors.every(({ name }) => LAYERS.test(name));
    if (!isNamed && !isSaved) return null;
    return {
      title: 'X-LoRA',
      reason:
        'it weighs other LoRAs by the input, token by token; these are adapters of their own, and can be opened.',
    };
  },
};
