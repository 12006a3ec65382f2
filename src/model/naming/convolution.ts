import { last, type NamingRule } from './rule';

/** ResNet and ConvNeXt and their kin; the U-Nets of diffusion models use some of the words. */
export const CONVOLUTION: readonly NamingRule[] = [
  // ResNet as Hugging Face names it.
  { pattern: /(?:^|\.)embedder\.embedder\.convolution$/, module: 'convolution', row: 'input' },
  { pattern: /(?:^|\.)embedder\.embedder\.normalization$/, module: 'norm', row: 'input' },
  { pattern: last('shortcut\\.convolution'), module: 'convolution.shortcut' },
  { pattern: last('shortcut\\.normalization'), module: 'norm.shortcut' },
  ...[0, 1, 2].flatMap((at): NamingRule[] => [
    {
      pattern: new RegExp(`(?:^|\\.)layer\\.${at}\\.convolution$`),
      module: `convolution.${at + 1}`,
    },
    {
      pattern: new RegExp(`(?:^|\\.)layer\\.${at}\\.normalization$`),
      module: `norm.${at + 1}`,
    },
  ]),

  // ConvNeXt (Hugging Face, Facebook, timm) and networks of inverted bottlenecks.
  { pattern: last('dwconv|conv_dw'), module: 'convolution.depthwise' },
  { pattern: last('pwconv1|conv_pw'), module: 'mlp.up' },
  { pattern: last('pwconv2|conv_pwl'), module: 'mlp.down' },
  { pattern: /(?:^|\.)stages\.#(?:\.(?:layers|blocks))?\.\d+\.(?:layernorm|norm)$/, module: 'norm.mlp' },
  { pattern: /(?:^|\.)stages\.#\..*\.layer_scale_parameter$/, module: 'scale.mlp' },
  { pattern: /(?:^|\.)stages\.#(?:\.(?:layers|blocks))?\.\d+$/, module: 'scale.mlp' },
  { pattern: /(?:^|\.)stages\.#\.(?:downsampling_layer|downsample)\.0$/, module: 'norm.shortcut' },
  { pattern: /(?:^|\.)stages\.#\.(?:downsampling_layer|downsample)\.1$/, module: 'convolution.resample' },
  { pattern: last('conv_stem'), module: 'convolution', row: 'input' },
  { pattern: last('conv_head'), module: 'convolution', row: 'output' },

  // A plain stack of convolutions: its first norm stands before no attention.
  { pattern: last('norm\\d'), module: 'norm', outside: true },

  // ResNet as torchvision names it.
  {
    pattern: last('downsample\\.0|shortcut|conv_shortcut|downsample\\.conv'),
    module: 'convolution.shortcut',
  },
  { pattern: last('downsample\\.1|downsample\\.norm|shortcut\\.norm'), module: 'norm.shortcut' },
];
