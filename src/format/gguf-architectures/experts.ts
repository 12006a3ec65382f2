import type { GgufNaming } from '../gguf-naming';
import { ATTENTION, expertNames, HEAD_NORMS, LLAMA, MLP, naming, NORMS, PAIRS, sharedNames } from './modules';

const ROUTER = { ffn_gate_inp: 'mlp.gate' };
const EXPERTS = expertNames('mlp.experts');
const SHARED = sharedNames('mlp.shared_experts');
const CORRECTION = { 'exp_probs_b.bias': 'mlp.gate.e_score_correction_bias' };
const SPARSE = expertNames('block_sparse_moe.experts', ['w1', 'w3', 'w2']);
/** What predicts further tokens, in a layer of its own behind the others. */
const NEXT_TOKENS = {
  'nextn.eh_proj': 'eh_proj',
  'nextn.embed_tokens': 'embed_tokens',
  'nextn.enorm': 'enorm',
  'nextn.hnorm': 'hnorm',
  'nextn.shared_head_head': 'shared_head.head',
  'nextn.shared_head_norm': 'shared_head.norm',
};
const LATENT: GgufNaming = naming(
  {
    ...LLAMA,
    ...ROUTER,
    ...SHARED,
    ...CORRECTION,
    ...NEXT_TOKENS,
    attn_q_a: 'self_attn.q_a_proj',
    attn_q_a_norm: 'self_attn.q_a_layernorm',
    attn_q_b: 'self_attn.q_b_proj',
    attn_kv_a_mqa: 'self_attn.kv_a_proj_with_mqa',
    attn_kv_a_norm: 'self_attn.kv_a_layernorm',
    attn_kv_b: 'self_attn.kv_b_proj',
  },
  {
    experts: EXPERTS,
    merges: [
      {
        name: 'self_attn.kv_b_proj.weight',
        parts: [['attn_k_b.weight'], ['attn_v_b.weight']],
        form: 'latent heads',
      },
    ],
  },
);

/** Decoders whose layers have experts that the checkpoint has one by one. */
export const MIXTURES: Readonly<Record<string, GgufNaming>> = {
  llama: naming({ ...LLAMA, ffn_gate_inp: 'block_sparse_moe.gate' }, { changes: PAIRS, experts: SPARSE }),
  arctic: naming(
    {
      ...NORMS,
      ...ATTENTION,
      ffn_gate: 'residual_mlp.w1',
      ffn_up: 'residual_mlp.w3',
      ffn_down: 'residual_mlp.w2',
      ffn_norm: 'residual_layernorm',
      ffn_norm_exps: 'post_attention_layernorm',
      ffn_gate_inp: 'block_sparse_moe.gate',
    },
    { changes: PAIRS, experts: SPARSE },
  ),
  deepseek: naming({ ...LLAMA, ...ROUTER, ...SHARED }, { changes: PAIRS, experts: EXPERTS }),
  deepseek2: LATENT,
  'glm-dsa': {
    ...LATENT,
    inside: {
      ...LATENT.inside,
      'indexer.k_norm': 'self_attn.indexer.k_norm',
      'indexer.proj': 'self_attn.indexer.weights_proj',
      'indexer.attn_k': 'self_attn.indexer.wk',
      'indexer.attn_q_b': 'self_attn.indexer.wq_b',
    },
  },
  qwen2moe: naming(
    {
      ...LLAMA,
      ...ROUTER,
      ...sharedNames('mlp.shared_expert'),
      ffn_gate_inp_shexp: 'mlp.shared_expert_gate',
    },
    { experts: EXPERTS, changes: { ffn_gate_inp_shexp: ['one row'] } },
  ),
  qwen3moe: naming({ ...LLAMA, ...HEAD_NORMS, ...ROUTER }, { experts: EXPERTS }),
  rnd1: naming({ ...LLAMA, ...HEAD_NORMS, ...ROUTER }, { experts: EXPERTS }),
  olmoe: naming({ ...LLAMA, ...HEAD_NORMS, ...ROUTER }, { experts: EXPERTS }),
  dots1: naming({ ...LLAMA, ...HEAD_NORMS, ...ROUTER, ...SHARED, ...CORRECTION }, { experts: EXPERTS }),
  'exaone-moe': naming(
    {
      ...LLAMA,
      ...HEAD_NORMS,
      ...ROUTER,
      ...SHARED,
      'exp_probs_b.bias': 'mlp.e_score_correction_bias',
    },
    { experts: EXPERTS },
  ),
  glm4moe: naming(
    {
      ...ATTENTION,
      ...MLP,
      ...HEAD_NORMS,
      ...ROUTER,
      ...SHARED,
      ...CORRECTION,
      ...NEXT_TOKENS,
      attn_norm: 'input_layernorm',
      post_attention_norm: 'post_attention_layernorm',
    },
    { experts: EXPERTS },
  ),
  mimo2: naming(
    { ...LLAMA, ...ROUTER, ...CORRECTION, 'attn_sinks.weight': 'self_attn.attention_sink_bias' },
    { experts: EXPERTS },
  ),
  'ernie4_5-moe': naming(
    {
      ...LLAMA,
      ...ROUTER,
      ...SHARED,
      'exp_probs_b.bias': 'mlp.moe_statics.e_score_correction_bias',
    },
    { experts: EXPERTS },
  ),
  'hunyuan-moe': naming(
    {
      ...LLAMA,
      attn_q_norm: 'self_attn.query_layernorm',
      attn_k_norm: 'self_attn.key_layernorm',
      ffn_gate_inp: 'mlp.gate.wg',
      ...sharedNames('mlp.shared_mlp'),
    },
    { experts: EXPERTS },
  ),
  afmoe: naming(
    {
      ...ATTENTION,
      ...MLP,
      ...HEAD_NORMS,
      ...SHARED,
      attn_norm: 'input_layernorm',
      attn_gate: 'self_attn.gate_proj',
      post_attention_norm: 'post_attention_layernorm',
      ffn_norm: 'pre_mlp_layernorm',
      post_ffw_norm: 'post_mlp_layernorm',
      ffn_gate_inp: 'mlp.router.gate',
      'exp_probs_b.bias': 'mlp.expert_bias',
    },
    { experts: EXPERTS },
  ),
  phimoe: naming({ ...NORMS, ...ATTENTION, ffn_gate_inp: 'block_sparse_moe.gate' }, { experts: SPARSE }),
  'minimax-m2': naming(
    {
      ...NORMS,
      ...ATTENTION,
      ...HEAD_NORMS,
      ffn_gate_inp: 'block_sparse_moe.gate',
      'exp_probs_b.bias': 'block_sparse_moe.e_score_correction_bias',
    },
    { experts: SPARSE },
  ),
};
