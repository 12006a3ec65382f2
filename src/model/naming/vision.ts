import { last, within, type NamingRule } from './rule';

/** ViT, DeiT, DINOv2, BEiT, Swin and timm's names for them, where the common words do not do. */
export const VISION: readonly NamingRule[] = [
  { pattern: last('cls_classifier|distillation_classifier|head_dist'), module: 'head' },
  { pattern: last('fc_norm'), module: 'norm.final' },
  { pattern: last('layer_scale1|ls1|lambda_1|gamma_1'), module: 'scale.attention' },
  { pattern: last('layer_scale2|ls2|lambda_2|gamma_2'), module: 'scale.mlp' },
  { pattern: within('mlp', 'weights_in|w12'), module: 'mlp.gate-up' },
  { pattern: within('mlp', 'weights_out'), module: 'mlp.down' },
  // Swin: between stages, positions and patches.
  { pattern: last('downsample\\.reduction'), module: 'linear' },
  { pattern: /(?:^|\.)layers\.#\.downsample\.norm$/, module: 'norm' },
];

/** CLIP and SigLIP, as Hugging Face, OpenAI and open_clip name them. */
export const CLIP: readonly NamingRule[] = [
  { pattern: last('patch_embedding'), module: 'embedding.patch' },
  { pattern: /(?:^|\.)visual\.conv1$/, module: 'embedding.patch', row: 'input' },
  { pattern: /(?:^|\.)visual\.proj$/, module: 'head' },
  { pattern: last('logit_bias'), module: 'head' },
  { pattern: /(?:^|\.)vision_model\.head\./, module: 'pooler' },
];
