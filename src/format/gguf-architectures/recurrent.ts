import type { GgufChange } from '../gguf-changes';
import type { GgufNames, GgufNaming } from '../gguf-naming';
import { GRANITE_EXPERTS, GRANITE_MERGES } from './fused-experts';
import {
  ATTENTION,
  expertNames,
  HEAD_MIXER_CHANGES,
  HEAD_NORMS,
  headMixerNames,
  MIXER_CHANGES,
  mixerNames,
  MLP,
  naming,
  NORMS,
  OUTSIDE,
  PAIRS,
  sharedNames,
} from './modules';

const BACKBONE = {
  layers: { blk: 'backbone.layers' },
  outside: { token_embd: 'backbone.embeddings', output_norm: 'backbone.norm_f', output: 'lm_head' },
};

/** Linear attention of Qwen3-Next and Qwen3.5, between layers of full attention. */
const LINEAR = {
  ...ATTENTION,
  ...HEAD_NORMS,
  attn_norm: 'input_layernorm',
  post_attention_norm: 'post_attention_layernorm',
  ssm_conv1d: 'linear_attn.conv1d',
  'ssm_dt.bias': 'linear_attn.dt_bias',
  ssm_a: 'linear_attn.A_log',
  ssm_norm: 'linear_attn.norm',
  ssm_out: 'linear_attn.out_proj',
};
const PARTS_OF_LINEAR = {
  attn_qkv: 'linear_attn.in_proj_qkv',
  attn_gate: 'linear_attn.in_proj_z',
  ssm_alpha: 'linear_attn.in_proj_a',
  ssm_beta: 'linear_attn.in_proj_b',
};
const ROUTED: GgufNames = {
  ffn_gate_inp: 'mlp.gate',
  ffn_gate_inp_shexp: 'mlp.shared_expert_gate',
  ...sharedNames('mlp.shared_expert'),
};
const NORMS_PLUS_ONE: Readonly<Record<string, readonly GgufChange[]>> = {
  attn_norm: ['plus one'],
  post_attention_norm: ['plus one'],
  attn_q_norm: ['plus one'],
  attn_k_norm: ['plus one'],
  output_norm: ['plus one'],
  ffn_gate_inp_shexp: ['one row'],
};
const VALUES_APART: Readonly<Record<string, readonly GgufChange[]>> = {
  ...NORMS_PLUS_ONE,
  attn_qkv: ['values apart behind'],
  attn_gate: ['values apart'],
  ssm_alpha: ['values apart'],
  ssm_beta: ['values apart'],
  ssm_dt: ['values apart'],
  ssm_a: ['values apart', 'negative exponential'],
  ssm_conv1d: ['values apart behind', 'middle axis'],
  ssm_out: ['value columns apart'],
};

/** Short convolutions between layers of attention. */
const LFM2 = naming(
  {
    attn_norm: 'operator_norm',
    ffn_norm: 'ffn_norm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_output: 'self_attn.out_proj',
    attn_q_norm: 'self_attn.q_layernorm',
    attn_k_norm: 'self_attn.k_layernorm',
    ffn_gate: 'feed_forward.w1',
    ffn_up: 'feed_forward.w3',
    ffn_down: 'feed_forward.w2',
    'shortconv.conv': 'conv.conv',
    'shortconv.in_proj': 'conv.in_proj',
    'shortconv.out_proj': 'conv.out_proj',
  },
  {
    outside: {
      token_embd: 'model.embed_tokens',
      token_embd_norm: 'model.embedding_norm',
      output_norm: 'model.embedding_norm',
      output: 'lm_head',
    },
    changes: { 'shortconv.conv': ['middle axis'] },
  },
);

/** State-space models, and decoders of which some layers are one. */
export const RECURRENT: Readonly<Record<string, GgufNaming>> = {
  mamba: naming({ attn_norm: 'norm', ...mixerNames('mixer') }, { ...BACKBONE, changes: MIXER_CHANGES }),
  mamba2: naming(
    { attn_norm: 'norm', ...headMixerNames('mixer') },
    { ...BACKBONE, changes: HEAD_MIXER_CHANGES },
  ),
  jamba: naming(
    {
      ...ATTENTION,
      ...mixerNames('mamba'),
      attn_norm: 'input_layernorm',
      ffn_norm: 'pre_ff_layernorm',
      ssm_dt_norm: 'mamba.dt_layernorm',
      ssm_b_norm: 'mamba.b_layernorm',
      ssm_c_norm: 'mamba.c_layernorm',
      ffn_gate: 'feed_forward.gate_proj',
      ffn_up: 'feed_forward.up_proj',
      ffn_down: 'feed_forward.down_proj',
      ffn_gate_inp: 'feed_forward.router',
    },
    {
      outside: { ...OUTSIDE, output_norm: 'model.final_layernorm' },
      experts: expertNames('feed_forward.experts'),
      changes: MIXER_CHANGES,
    },
  ),
  granitehybrid: naming(
    { ...NORMS, ...ATTENTION, ...headMixerNames('mamba'), ...GRANITE_EXPERTS },
    { changes: { ...PAIRS, ...HEAD_MIXER_CHANGES }, merges: GRANITE_MERGES },
  ),
  lfm2: LFM2,
  lfm2moe: {
    ...LFM2,
    inside: {
      ...LFM2.inside,
      ffn_gate_inp: 'feed_forward.gate',
      'exp_probs_b.bias': 'feed_forward.expert_bias',
    },
    experts: expertNames('feed_forward.experts', ['w1', 'w3', 'w2']),
  },
  qwen3next: naming(
    { ...LINEAR, ...ROUTED, ssm_ba: 'linear_attn.in_proj_ba' },
    {
      experts: expertNames('mlp.experts'),
      changes: {
        ...NORMS_PLUS_ONE,
        ssm_a: ['negative exponential'],
        ssm_conv1d: ['middle axis'],
      },
      merges: [
        {
          name: 'linear_attn.in_proj_qkvz.weight',
          parts: [['attn_qkv.weight'], ['attn_gate.weight']],
          form: 'key heads',
        },
      ],
    },
  ),
  qwen35: naming({ ...LINEAR, ...PARTS_OF_LINEAR, ...MLP }, { changes: VALUES_APART }),
  qwen35moe: naming(
    { ...LINEAR, ...PARTS_OF_LINEAR, ...ROUTED },
    { experts: expertNames('mlp.experts'), changes: VALUES_APART },
  ),
};
