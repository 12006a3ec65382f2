import type { TensorEntry } from '../../format/checkpoint';
import type { WholeAdapter, WholeKind } from './without-delta';

const NAMES = /^(?:<[^>]+>|emb_params|clip_[lg]|t5xxl|string_to_param\..+)$/;
/** One word has at most a few hundred vectors in at most a few text encoders. */
const MOST_TENSORS = 16;

/** Textual inversion (Gal et al. 2022, https://arxiv.org/abs/2208.01618): vectors of new words for a text encoder. */
export const textualInversion: WholeKind = {
  id: 'textual-inversion',
  source: 'https://arxiv.org/abs/2208.01618',
  recognise(tensors: readonly TensorEntry[]): WholeAdapter | null {
    const all = tensors.length > 0 && tensors.length <= MOST_TENSORS;
    if (!all || !tensors.every(({ name, span }) => NAMES.test(name) && span.shape.length <= 2)) return null;
    return {
      title: 'textual inversion',
      reason: 'it adds vectors of new words to a text encoder, and changes none that the base has.',
    };
  },
};
