import type { NamingRule } from './rule';

/** T5 and its kin number the parts of a layer: attention, (attention to the encoder,) feed-forward. */
export const T5: readonly NamingRule[] = [
  { pattern: /(?:^|\.)(?:encoder|decoder)\.block\.#\.layer\.0\.layer_norm$/, module: 'norm.attention' },
  { pattern: /(?:^|\.)encoder\.block\.#\.layer\.1\.layer_norm$/, module: 'norm.mlp' },
  { pattern: /(?:^|\.)decoder\.block\.#\.layer\.1\.layer_norm$/, module: 'norm.cross-attention' },
  { pattern: /(?:^|\.)decoder\.block\.#\.layer\.2\.layer_norm$/, module: 'norm.mlp' },
];
