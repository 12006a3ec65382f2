import { last, within, type NamingRule } from './rule';

/** GPT-2 and what kept its names (openai-gpt, GPT-J, CodeGen, StarCoder, MPT, DBRX), where the common words do not do. */
export const GPT: readonly NamingRule[] = [
  { pattern: last('positions_embed'), module: 'embedding.position' },
  // MPT numbers its norms; DBRX nests them beside the attention.
  { pattern: /(?:^|\.)blocks\.#\.(?:norm_attn_norm\.)?norm_1$/, module: 'norm.attention' },
  { pattern: /(?:^|\.)blocks\.#\.(?:norm_attn_norm\.)?norm_2$/, module: 'norm.mlp' },
  { pattern: within('ffn', 'proj_1'), module: 'mlp.gate-up' },
  { pattern: within('ffn', 'proj_2'), module: 'mlp.down' },
];

/** GPT-NeoX, Pythia, BLOOM, Falcon, ChatGLM: names that go back to Megatron. */
export const MEGATRON: readonly NamingRule[] = [
  { pattern: last('ln_mlp'), module: 'norm.mlp' },
  { pattern: last('output_layer'), module: 'head' },
  { pattern: within('self_attention', 'linear_qkv'), module: 'attention.qkv' },
  { pattern: within('self_attention', 'linear_proj'), module: 'attention.output' },
  { pattern: within('mlp', 'linear_fc1'), module: 'mlp.up' },
  { pattern: within('mlp', 'linear_fc2'), module: 'mlp.down' },
];
