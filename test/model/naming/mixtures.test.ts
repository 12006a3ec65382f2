import { placesFamily } from './families';

placesFamily('Mixtral', {
  router: ['model.layers.{n}.block_sparse_moe.gate.weight'],
  'expert.gate': ['model.layers.{n}.block_sparse_moe.experts.{e}.w1.weight'],
  'expert.down': ['model.layers.{n}.block_sparse_moe.experts.{e}.w2.weight'],
  'expert.up': ['model.layers.{n}.block_sparse_moe.experts.{e}.w3.weight'],
});

placesFamily('DeepSeek-V2 and V3', {
  'attention.query': [
    'model.layers.{n}.self_attn.q_a_proj.weight',
    'model.layers.{n}.self_attn.q_b_proj.weight',
  ],
  'norm.query': ['model.layers.{n}.self_attn.q_a_layernorm.weight'],
  'attention.key-value': [
    'model.layers.{n}.self_attn.kv_a_proj_with_mqa.weight',
    'model.layers.{n}.self_attn.kv_b_proj.weight',
    'model.layers.{n}.self_attn.kv_b_proj.weight_scale_inv',
  ],
  'norm.key-value': ['model.layers.{n}.self_attn.kv_a_layernorm.weight'],
  'attention.output': ['model.layers.{n}.self_attn.o_proj.weight'],
  router: ['model.layers.{n}.mlp.gate.weight', 'model.layers.{n}.mlp.gate.e_score_correction_bias'],
  'expert.gate': ['model.layers.{n}.mlp.experts.{e}.gate_proj.weight'],
  'shared-expert.gate': ['model.layers.{n}.mlp.shared_experts.gate_proj.weight'],
  'shared-expert.down': ['model.layers.{n}.mlp.shared_experts.down_proj.weight'],
  'mlp.gate': ['model.layers.{n}.mlp.gate_proj.weight'],
});

placesFamily('Qwen-MoE, experts one by one and fused', {
  router: ['model.layers.{n}.mlp.gate.weight'],
  'expert.up': ['model.layers.{n}.mlp.experts.{e}.up_proj.weight'],
  'expert.gate-up': ['model.layers.{n}.mlp.experts.gate_up_proj'],
  'expert.down': ['model.layers.{n}.mlp.experts.down_proj'],
  'shared-expert.up': ['model.layers.{n}.mlp.shared_expert.up_proj.weight'],
  'shared-expert.router': ['model.layers.{n}.mlp.shared_expert_gate.weight'],
});

placesFamily('Llama 4', {
  router: ['language_model.model.layers.{n}.feed_forward.router.weight'],
  'expert.gate-up': ['language_model.model.layers.{n}.feed_forward.experts.gate_up_proj'],
  'expert.down': ['language_model.model.layers.{n}.feed_forward.experts.down_proj'],
  'shared-expert.gate': ['language_model.model.layers.{n}.feed_forward.shared_expert.gate_proj.weight'],
});

placesFamily('gpt-oss', {
  router: ['model.layers.{n}.mlp.router.weight', 'model.layers.{n}.mlp.router.bias'],
  'expert.gate-up': [
    'model.layers.{n}.mlp.experts.gate_up_proj_blocks',
    'model.layers.{n}.mlp.experts.gate_up_proj_scales',
    'model.layers.{n}.mlp.experts.gate_up_proj_bias',
  ],
  'expert.down': ['model.layers.{n}.mlp.experts.down_proj_blocks'],
  attention: ['model.layers.{n}.self_attn.sinks'],
});

placesFamily('Granite and Switch', {
  router: [
    'model.layers.{n}.block_sparse_moe.router.layer.weight',
    'encoder.block.{n}.layer.1.mlp.router.classifier.weight',
  ],
  'expert.gate-up': ['model.layers.{n}.block_sparse_moe.input_linear.weight'],
  'expert.down': [
    'model.layers.{n}.block_sparse_moe.output_linear.weight',
    'encoder.block.{n}.layer.1.mlp.experts.expert_{e}.wo.weight',
  ],
  'expert.up': ['encoder.block.{n}.layer.1.mlp.experts.expert_{e}.wi.weight'],
});
