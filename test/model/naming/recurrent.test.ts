import { placesFamily } from './families';

placesFamily('Mamba and Mamba-2', {
  'embedding.token': ['input:backbone.embeddings.weight', 'input:backbone.embedding.weight'],
  'norm.layer': ['backbone.layers.{n}.norm.weight'],
  'ssm.in': ['backbone.layers.{n}.mixer.in_proj.weight'],
  'ssm.convolution': ['backbone.layers.{n}.mixer.conv1d.weight'],
  'ssm.parameters': ['backbone.layers.{n}.mixer.x_proj.weight'],
  'ssm.step': ['backbone.layers.{n}.mixer.dt_proj.weight', 'backbone.layers.{n}.mixer.dt_bias'],
  'ssm.state': ['backbone.layers.{n}.mixer.A_log', 'backbone.layers.{n}.mixer.D'],
  'norm.ssm': ['backbone.layers.{n}.mixer.norm.weight'],
  'ssm.output': ['backbone.layers.{n}.mixer.out_proj.weight'],
  'norm.final': ['output:backbone.norm_f.weight'],
  head: ['output:lm_head.weight'],
});

placesFamily('Jamba: state spaces among attention', {
  'ssm.in': ['model.layers.{n}.mamba.in_proj.weight'],
  'ssm.state': ['model.layers.{n}.mamba.A_log'],
  'norm.ssm': ['model.layers.{n}.mamba.dt_layernorm.weight'],
  'ssm.output': ['model.layers.{n}.mamba.out_proj.weight'],
  'attention.query': ['model.layers.{n}.self_attn.q_proj.weight'],
  router: ['model.layers.{n}.feed_forward.router.weight'],
  'expert.gate': ['model.layers.{n}.feed_forward.experts.{e}.gate_proj.weight'],
});

placesFamily('Qwen3-Next: linear attention among attention', {
  'ssm.in': [
    'model.language_model.layers.{n}.linear_attn.in_proj_qkv.weight',
    'model.language_model.layers.{n}.linear_attn.in_proj_z.weight',
  ],
  'ssm.convolution': ['model.layers.{n}.linear_attn.conv1d.weight'],
  'ssm.step': ['model.layers.{n}.linear_attn.dt_bias'],
  'ssm.state': ['model.layers.{n}.linear_attn.A_log'],
  'norm.ssm': ['model.layers.{n}.linear_attn.norm.weight'],
  'ssm.output': ['model.layers.{n}.linear_attn.out_proj.weight'],
});

placesFamily('RWKV', {
  'embedding.token': ['input:emb.weight', 'input:rwkv.embeddings.weight'],
  'norm.embedding': ['blocks.{n}.ln0.weight', 'rwkv.blocks.{n}.pre_ln.weight'],
  'norm.attention': ['blocks.{n}.ln1.weight'],
  'time-mix.receptance': ['blocks.{n}.att.receptance.weight', 'rwkv.blocks.{n}.attention.receptance.weight'],
  'time-mix.key': ['blocks.{n}.att.key.weight', 'rwkv.blocks.{n}.attention.key.weight'],
  'time-mix.value': ['blocks.{n}.att.value.weight'],
  'time-mix.gate': ['blocks.{n}.att.gate.weight'],
  'time-mix.output': ['blocks.{n}.att.output.weight', 'rwkv.blocks.{n}.attention.output.weight'],
  'time-mix.parameters': [
    'blocks.{n}.att.time_decay',
    'blocks.{n}.att.time_maa_rkvg_w1',
    'rwkv.blocks.{n}.attention.time_mix_key',
    'blocks.{n}.att.x_r',
    'blocks.{n}.att.r_k',
  ],
  'norm.time-mix': ['blocks.{n}.att.ln_x.weight'],
  'norm.mlp': ['blocks.{n}.ln2.weight'],
  'mlp.up': ['blocks.{n}.ffn.key.weight', 'rwkv.blocks.{n}.feed_forward.key.weight'],
  'mlp.gate': ['blocks.{n}.ffn.receptance.weight'],
  'mlp.down': ['blocks.{n}.ffn.value.weight'],
  'norm.final': ['output:ln_out.weight', 'output:rwkv.ln_out.weight'],
  head: ['output:head.weight'],
});
