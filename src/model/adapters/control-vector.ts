import type { TensorEntry } from '../../format/checkpoint';
import type { WholeAdapter, WholeKind } from './without-delta';

/** Control vectors (representation engineering, Zou et al. 2023, https://arxiv.org/abs/2310.01405), as repeng and llama.cpp keep them. */
export const controlVector: WholeKind = {
  id: 'control-vector',
  source: 'https://arxiv.org/abs/2310.01405',
  recognise(tensors: readonly TensorEntry[]): WholeAdapter | null {
    const fits = tensors.every(({ name, span }) => /^direction\.\d+$/.test(name) && span.shape.length === 1);
    if (tensors.length === 0 || !fits) return null;
    return {
      title: 'control vector',
      reason: 'it is added to what layers put out, and changes no weight of the base.',
    };
  },
};
