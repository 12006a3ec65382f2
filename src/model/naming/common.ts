import { ATTENTION, CROSS, last, within, type NamingRule } from './rule';

/** The words that most families share, specific ones first, rules by suffix last. */
export const COMMON: readonly NamingRule[] = [
  // Embeddings.
  {
    pattern: last(
      'embed_tokens|wte|word_embeddings?|token_embedding|tok_embeddings|embed_in|shared|word_embedding|tokens_embed',
    ),
    module: 'embedding.token',
  },
  {
    pattern: last(
      'wpe|position_embeddings?|embed_positions|positional_embedding|pos_embed|position_ids|pos_embedding',
    ),
    module: 'embedding.position',
  },
  { pattern: last('token_type_embeddings|segment_embeddings?'), module: 'embedding.type' },
  {
    pattern: last('patch_embeddings?(?:\\.projection)?|patch_embed\\.proj|conv_proj'),
    module: 'embedding.patch',
  },
  {
    pattern: last(
      'cls_token|class_embedding|class_token|mask_token|distillation_token|dist_token|register_tokens',
    ),
    module: 'embedding.class',
  },
  {
    pattern: last(
      'embeddings\\.(?:layernorm|layer_norm|norm)|layernorm_embedding|pre_layrnorm|pre_layernorm|emb_ln|word_embeddings_layernorm|ln_pre',
    ),
    module: 'norm.embedding',
    row: 'input',
  },

  // Stages of a network that numbers its parts without nesting them: conv1, bn1, conv2, ...
  { pattern: /^(?:[a-z_]+\.)?conv\d*$/, module: 'convolution', outside: true },
  { pattern: /^(?:[a-z_]+\.)?bn\d*$/, module: 'norm', outside: true },
  { pattern: /^(?:fc|lin|linear|dense)\d+$/, module: 'linear', outside: true },
  {
    pattern: last(
      'ln_f|norm|layernorm|layer_norm|final_layer_norm|final_layernorm|post_layernorm|final_norm|ln_post|ln_final|norm_f|norm_out|model_norm',
    ),
    module: 'norm.final',
    outside: true,
  },

  // Attention to another sequence.
  { pattern: within(CROSS, 'q|q_proj|to_q|query|self\\.query|q_attn'), module: 'cross-attention.query' },
  { pattern: within(CROSS, 'k|k_proj|to_k|key|self\\.key'), module: 'cross-attention.key' },
  { pattern: within(CROSS, 'v|v_proj|to_v|value|self\\.value'), module: 'cross-attention.value' },
  { pattern: within(CROSS, 'c_attn|qkv|in_proj'), module: 'cross-attention.qkv' },
  {
    pattern: within(CROSS, 'o|o_proj|out_proj|to_out(?:\\.\\d)?|output\\.dense|c_proj'),
    module: 'cross-attention.output',
  },
  {
    pattern: last(
      `encoder_attn_layer_norm|cross_attn_layer_norm|ln_cross_attn|${CROSS}\\.output\\.layernorm`,
    ),
    module: 'norm.cross-attention',
  },

  // Attention.
  {
    pattern: last('c_attn|qkv|qkv_proj|query_key_value|wqkv|in_proj|attn\\.to_qkv|w_pack'),
    module: 'attention.qkv',
  },
  { pattern: last('q_proj|query|to_q|q_lin|wq|query_proj|q_a_proj|q_b_proj'), module: 'attention.query' },
  { pattern: last('k_proj|key|to_k|k_lin|wk|key_proj'), module: 'attention.key' },
  { pattern: last('v_proj|value|to_v|v_lin|wv|value_proj'), module: 'attention.value' },
  { pattern: last('kv_proj|kv_a_proj_with_mqa|kv_b_proj|to_kv'), module: 'attention.key-value' },
  { pattern: within(ATTENTION, 'q'), module: 'attention.query' },
  { pattern: within(ATTENTION, 'k'), module: 'attention.key' },
  { pattern: within(ATTENTION, 'v'), module: 'attention.value' },
  { pattern: last('q_norm|query_layernorm|q_layernorm|q_a_layernorm|norm_q'), module: 'norm.query' },
  { pattern: last('k_norm|key_layernorm|k_layernorm|norm_k'), module: 'norm.key' },
  { pattern: last('kv_a_layernorm'), module: 'norm.key-value' },
  {
    pattern: last(
      'rotary_emb|relative_attention_bias|relative_position_bias|relative_position_bias_table|rotary_pos_emb',
    ),
    module: 'attention.position',
  },
  {
    pattern: within(
      ATTENTION,
      'o|o_proj|out_proj|c_proj|proj|dense|output\\.dense|wo|to_out(?:\\.\\d)?|out_lin|out',
    ),
    module: 'attention.output',
  },
  { pattern: last('o_proj|out_proj|to_out\\.\\d|out_lin'), module: 'attention.output' },
  { pattern: last(ATTENTION), module: 'attention.mask' },

  // Norms of a layer.
  {
    pattern: last(
      'input_layernorm|ln_1|ln1|layernorm_before|layer_norm1|layernorm1|norm1|self_attn_layer_norm|sa_layer_norm|attention_norm|attn_norm|attention_layernorm|ln_attn|attn_ln|attention\\.output\\.layernorm',
    ),
    module: 'norm.attention',
  },
  {
    pattern: last('post_self_attn_layernorm|attn_norm_post|post_attention_norm'),
    module: 'norm.attention.post',
  },
  {
    pattern: last(
      'post_attention_layernorm|ln_2|ln2|layernorm_after|layer_norm2|layernorm2|norm2|norm3|output_layer_norm|ffn_norm|mlp_norm|mlp_ln|ffn_layernorm|output\\.layernorm',
    ),
    module: 'norm.mlp',
  },
  { pattern: /(?:^|\.)(?:layers|blocks|h)\.#\.final_layer_norm$/, module: 'norm.mlp' },
  { pattern: last('pre_feedforward_layernorm'), module: 'norm.mlp.pre' },
  { pattern: last('post_feedforward_layernorm|post_mlp_layernorm'), module: 'norm.mlp.post' },

  // Multilayer perceptrons.
  { pattern: last('gate_up_proj|gate_and_up_proj|wi_fused'), module: 'mlp.gate-up' },
  { pattern: last('gate_proj|w1|wi_0|gate_linear'), module: 'mlp.gate' },
  {
    pattern: last(
      'up_proj|w3|wi_1|wi|c_fc|fc1|dense_h_to_4h|intermediate\\.dense|lin1|linear1|mlp\\.0|ffn\\.0|ff\\.net\\.0\\.proj|ffn\\.lin1|fc_in|w_1|intermediate_dense',
    ),
    module: 'mlp.up',
  },
  {
    pattern: last(
      'down_proj|w2|wo|mlp\\.c_proj|c_proj|fc2|dense_4h_to_h|output\\.dense|lin2|linear2|mlp\\.[2-4]|ffn\\.[2-4]|ff\\.net\\.2|fc_out|w_2|output_dense',
    ),
    module: 'mlp.down',
  },

  // Convolutions with their norms, by number.
  { pattern: last('conv1'), module: 'convolution.1' },
  { pattern: last('conv2'), module: 'convolution.2' },
  { pattern: last('conv3'), module: 'convolution.3' },
  { pattern: last('bn1'), module: 'norm.1' },
  { pattern: last('bn2'), module: 'norm.2' },
  { pattern: last('bn3'), module: 'norm.3' },

  // The end of the network.
  { pattern: last('pooler\\.dense|pooler'), module: 'pooler' },
  {
    pattern: last(
      'lm_head|classifier|classifier\\.dense|score|embed_out|fc|head|heads\\.head|qa_outputs|proj_out|visual_projection|text_projection|logit_scale|output_projection|final_logits_bias|lm_head\\.(?:dense|decoder)|v_head\\.summary',
    ),
    module: 'head',
  },
  { pattern: /(?:^|\.)cls\.(?:predictions|seq_relationship)(?:\.|$)/, module: 'head' },
  { pattern: /^output$/, module: 'head' },

  // By suffix: whatever has no rule of its own.
  { pattern: last('(?:[a-z_]*_)?(?:proj_in)'), module: 'linear' },
  { pattern: /(?:^|\.)(?:[a-z0-9_]*(?:norm|layernorm)[a-z0-9_]*|ln_[a-z0-9]+|bn\d*|ln\d*)$/, module: 'norm' },
  { pattern: /(?:^|\.)[a-z0-9_]*conv[a-z0-9_]*$/, module: 'convolution' },
  { pattern: /(?:^|\.)[a-z0-9_]*embed[a-z0-9_]*(?:\.|$)/, module: 'embedding' },
  { pattern: new RegExp(`(?:^|\\.)${ATTENTION}\\.`), module: 'attention' },
  { pattern: /(?:^|\.)(?:mlp|ffn|ff|feed_forward)\./, module: 'mlp' },
  { pattern: /(?:^|\.)(?:lin|linear|dense|fc|proj)_?\d*$/, module: 'linear' },
];
