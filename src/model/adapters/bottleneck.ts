import type { TensorEntry } from '../../format/checkpoint';
import type { WholeAdapter, WholeKind } from './without-delta';

const LAYERS =
  /(?:^|\.)(?:adapters?\.[^.]+\.)?(?:adapter_(?:down|up)|adapter_fusion_layer|(?:adapter|modulelist_\d+)\.(?:down_proj(?:ect)?|up_proj(?:ect)?))(?:\.|$)/;

/**
 * Bottleneck adapters: small networks between the layers (Houlsby et al. 2019, https://arxiv.org/abs/1902.00751; Pfeiffer et al.
 * 2020, https://arxiv.org/abs/2005.00052), in the naming of AdapterHub, the original code or OpenDelta.
 */
export const bottleneck: WholeKind = {
  id: 'bottleneck',
  source: 'https://arxiv.org/abs/1902.00751',
  recognise(tensors: readonly TensorEntry[]): WholeAdapter | null {
    const layers = tensors.filter(({ name }) => LAYERS.test(name)).length;
    if (layers === 0 || layers * 2 < tensors.length) return null;
    return {
      title: 'bottleneck adapter',
      reason:
        'it puts small networks with a nonlinearity between the layers, which no change of the base’s weights can express.',
    };
  },
};
