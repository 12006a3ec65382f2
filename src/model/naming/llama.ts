import { last, type NamingRule } from './rule';

/** Llama and what kept its names (Mistral, Qwen, Gemma, Phi, InternLM, OLMo, GLM), where the common words do not do. */
export const LLAMA: readonly NamingRule[] = [
  // What turns pictures and sound into tokens.
  {
    pattern:
      /(?:^|\.)(?:multi_modal_projector|projector\.layers|mm_projector|visual\.merger|vision_projection|audio_projector)(?:\.|$)/,
    module: 'projector',
    row: 'input',
  },
  { pattern: last('feed_forward_layernorm|pre_mlp_layernorm|pre_ff_layernorm'), module: 'norm.mlp' },
  { pattern: last('att_proj'), module: 'attention.qkv' },
  { pattern: last('ff_proj'), module: 'mlp.gate-up' },
  { pattern: last('ff_out'), module: 'mlp.down' },
  { pattern: last('attn_out'), module: 'attention.output' },
];
