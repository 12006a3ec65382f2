import { placesFamily } from './families';

placesFamily('Llama, Mistral, Qwen2 and Qwen3', {
  'embedding.token': ['input:model.embed_tokens.weight'],
  'norm.attention': ['model.layers.{n}.input_layernorm.weight'],
  'attention.query': ['model.layers.{n}.self_attn.q_proj.weight', 'model.layers.{n}.self_attn.q_proj.bias'],
  'attention.key': ['model.layers.{n}.self_attn.k_proj.weight'],
  'attention.value': ['model.layers.{n}.self_attn.v_proj.weight'],
  'norm.query': ['model.layers.{n}.self_attn.q_norm.weight'],
  'norm.key': ['model.layers.{n}.self_attn.k_norm.weight'],
  'attention.position': ['model.layers.{n}.self_attn.rotary_emb.inv_freq'],
  'attention.output': ['model.layers.{n}.self_attn.o_proj.weight'],
  'norm.mlp': ['model.layers.{n}.post_attention_layernorm.weight'],
  'mlp.gate': ['model.layers.{n}.mlp.gate_proj.weight'],
  'mlp.up': ['model.layers.{n}.mlp.up_proj.weight'],
  'mlp.down': ['model.layers.{n}.mlp.down_proj.weight'],
  'norm.final': ['output:model.norm.weight'],
  head: ['output:lm_head.weight'],
});

placesFamily('Llama as released', {
  'embedding.token': ['input:tok_embeddings.weight'],
  'norm.attention': ['layers.{n}.attention_norm.weight'],
  'attention.query': ['layers.{n}.attention.wq.weight'],
  'attention.key': ['layers.{n}.attention.wk.weight'],
  'attention.value': ['layers.{n}.attention.wv.weight'],
  'attention.output': ['layers.{n}.attention.wo.weight'],
  'norm.mlp': ['layers.{n}.ffn_norm.weight'],
  'mlp.gate': ['layers.{n}.feed_forward.w1.weight'],
  'mlp.up': ['layers.{n}.feed_forward.w3.weight'],
  'mlp.down': ['layers.{n}.feed_forward.w2.weight'],
  'norm.final': ['output:norm.weight'],
  head: ['output:output.weight'],
});

placesFamily('Gemma 2 and 3', {
  'norm.attention': ['language_model.model.layers.{n}.input_layernorm.weight'],
  'norm.mlp.pre': ['model.layers.{n}.pre_feedforward_layernorm.weight'],
  'norm.mlp.post': ['model.layers.{n}.post_feedforward_layernorm.weight'],
  projector: ['input:multi_modal_projector.mm_input_projection_weight'],
  'attention.query': ['language_model.model.layers.{n}.self_attn.q_proj.weight'],
});

placesFamily('Phi-2', {
  'attention.query': ['model.layers.{n}.self_attn.q_proj.weight'],
  'attention.output': ['model.layers.{n}.self_attn.dense.weight'],
  'mlp.up': ['model.layers.{n}.mlp.fc1.weight'],
  'mlp.down': ['model.layers.{n}.mlp.fc2.bias'],
  'norm.final': ['output:model.final_layernorm.weight'],
});

placesFamily('Phi-3', {
  'attention.qkv': ['model.layers.{n}.self_attn.qkv_proj.weight'],
  'attention.output': ['model.layers.{n}.self_attn.o_proj.weight'],
  'mlp.gate-up': ['model.layers.{n}.mlp.gate_up_proj.weight'],
  'mlp.down': ['model.layers.{n}.mlp.down_proj.weight'],
});

placesFamily('InternLM2 and Baichuan', {
  'attention.qkv': ['model.layers.{n}.attention.wqkv.weight', 'model.layers.{n}.self_attn.W_pack.weight'],
  'attention.output': ['model.layers.{n}.attention.wo.weight'],
  'mlp.down': ['model.layers.{n}.feed_forward.w2.weight'],
  'embedding.token': ['input:model.tok_embeddings.weight'],
  head: ['output:output.weight'],
});

placesFamily('GPT-2', {
  'embedding.token': ['input:transformer.wte.weight', 'input:wte.weight'],
  'embedding.position': ['input:transformer.wpe.weight'],
  'norm.attention': ['transformer.h.{n}.ln_1.weight'],
  'attention.qkv': ['transformer.h.{n}.attn.c_attn.weight', 'transformer.h.{n}.attn.c_attn.bias'],
  'attention.mask': ['transformer.h.{n}.attn.bias', 'transformer.h.{n}.attn.masked_bias'],
  'attention.output': ['transformer.h.{n}.attn.c_proj.weight'],
  'norm.mlp': ['h.{n}.ln_2.bias'],
  'mlp.up': ['h.{n}.mlp.c_fc.weight'],
  'mlp.down': ['h.{n}.mlp.c_proj.weight'],
  'norm.cross-attention': ['h.{n}.ln_cross_attn.weight'],
  'cross-attention.query': ['h.{n}.crossattention.q_attn.weight'],
  'cross-attention.qkv': ['h.{n}.crossattention.c_attn.weight'],
  'cross-attention.output': ['h.{n}.crossattention.c_proj.weight'],
  'norm.final': ['output:transformer.ln_f.weight'],
});

placesFamily('GPT-J and CodeGen', {
  'attention.query': ['transformer.h.{n}.attn.q_proj.weight'],
  'attention.qkv': ['transformer.h.{n}.attn.qkv_proj.weight'],
  'attention.output': ['transformer.h.{n}.attn.out_proj.weight'],
  'mlp.up': ['transformer.h.{n}.mlp.fc_in.weight'],
  'mlp.down': ['transformer.h.{n}.mlp.fc_out.weight'],
});

placesFamily('GPT-NeoX and Pythia', {
  'embedding.token': ['input:gpt_neox.embed_in.weight'],
  'norm.attention': ['gpt_neox.layers.{n}.input_layernorm.weight'],
  'attention.mask': ['gpt_neox.layers.{n}.attention.bias', 'gpt_neox.layers.{n}.attention.masked_bias'],
  'attention.position': ['gpt_neox.layers.{n}.attention.rotary_emb.inv_freq'],
  'attention.qkv': ['gpt_neox.layers.{n}.attention.query_key_value.weight'],
  'attention.output': ['gpt_neox.layers.{n}.attention.dense.bias'],
  'norm.mlp': ['gpt_neox.layers.{n}.post_attention_layernorm.bias'],
  'mlp.up': ['gpt_neox.layers.{n}.mlp.dense_h_to_4h.weight'],
  'mlp.down': ['gpt_neox.layers.{n}.mlp.dense_4h_to_h.weight'],
  'norm.final': ['output:gpt_neox.final_layer_norm.weight'],
  head: ['output:embed_out.weight'],
});

placesFamily('Falcon', {
  'embedding.token': ['input:transformer.word_embeddings.weight'],
  'norm.attention': ['transformer.h.{n}.ln_attn.weight', 'transformer.h.{n}.input_layernorm.weight'],
  'norm.mlp': ['transformer.h.{n}.ln_mlp.weight'],
  'attention.qkv': ['transformer.h.{n}.self_attention.query_key_value.weight'],
  'attention.output': ['transformer.h.{n}.self_attention.dense.weight'],
  'mlp.up': ['transformer.h.{n}.mlp.dense_h_to_4h.weight'],
  'mlp.down': ['transformer.h.{n}.mlp.dense_4h_to_h.weight'],
  'norm.final': ['output:transformer.ln_f.bias'],
});

placesFamily('BLOOM', {
  'embedding.token': ['input:word_embeddings.weight'],
  'norm.embedding': ['input:word_embeddings_layernorm.weight'],
  'norm.attention': ['h.{n}.input_layernorm.weight'],
  'attention.qkv': ['h.{n}.self_attention.query_key_value.bias'],
  'attention.output': ['h.{n}.self_attention.dense.weight'],
  'norm.mlp': ['h.{n}.post_attention_layernorm.weight'],
  'mlp.up': ['h.{n}.mlp.dense_h_to_4h.weight'],
  'norm.final': ['output:ln_f.weight'],
});

placesFamily('ChatGLM', {
  'embedding.token': ['input:transformer.embedding.word_embeddings.weight'],
  'attention.position': ['transformer.rotary_pos_emb.inv_freq'],
  'attention.qkv': ['transformer.encoder.layers.{n}.self_attention.query_key_value.weight'],
  'attention.output': ['transformer.encoder.layers.{n}.self_attention.dense.weight'],
  'norm.final': ['output:transformer.encoder.final_layernorm.weight'],
  head: ['output:transformer.output_layer.weight'],
});

placesFamily('MPT and DBRX', {
  'embedding.token': ['input:transformer.wte.weight'],
  'norm.attention': [
    'transformer.blocks.{n}.norm_1.weight',
    'transformer.blocks.{n}.norm_attn_norm.norm_1.weight',
  ],
  'attention.qkv': [
    'transformer.blocks.{n}.attn.Wqkv.weight',
    'transformer.blocks.{n}.norm_attn_norm.attn.Wqkv.weight',
  ],
  'attention.output': ['transformer.blocks.{n}.attn.out_proj.weight'],
  'norm.mlp': ['transformer.blocks.{n}.norm_2.weight'],
  'mlp.up': ['transformer.blocks.{n}.ffn.up_proj.weight'],
  'mlp.down': ['transformer.blocks.{n}.ffn.down_proj.weight'],
  router: ['transformer.blocks.{n}.ffn.router.layer.weight'],
  'expert.gate': ['transformer.blocks.{n}.ffn.experts.mlp.w1'],
  'expert.up': ['transformer.blocks.{n}.ffn.experts.mlp.v1'],
  'expert.down': ['transformer.blocks.{n}.ffn.experts.mlp.w2'],
  'norm.final': ['output:transformer.norm_f.weight'],
});

placesFamily('OPT', {
  'embedding.token': ['input:model.decoder.embed_tokens.weight'],
  'embedding.position': ['input:model.decoder.embed_positions.weight'],
  'embedding.projection': ['input:model.decoder.project_in.weight'],
  linear: ['output:model.decoder.project_out.weight'],
  'norm.attention': ['model.decoder.layers.{n}.self_attn_layer_norm.weight'],
  'attention.query': ['model.decoder.layers.{n}.self_attn.q_proj.bias'],
  'attention.output': ['model.decoder.layers.{n}.self_attn.out_proj.weight'],
  'norm.mlp': ['model.decoder.layers.{n}.final_layer_norm.weight'],
  'mlp.up': ['model.decoder.layers.{n}.fc1.weight'],
  'mlp.down': ['model.decoder.layers.{n}.fc2.bias'],
  'norm.final': ['output:model.decoder.final_layer_norm.weight'],
});
