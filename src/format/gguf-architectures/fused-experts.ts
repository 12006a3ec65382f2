import type { GgufMerge } from '../gguf-merges';
import type { GgufNaming } from '../gguf-naming';
import { ATTENTION, HEAD_NORMS, LLAMA, naming, NORMS, PAIRS, sharedNames } from './modules';

const GATE_UP = [['ffn_gate_exps.weight'], ['ffn_up_exps.weight']] as const satisfies GgufMerge['parts'];

/** GraniteMoE has gate and up in one matrix, of all experts and of the shared one. */
export const GRANITE_MERGES: readonly GgufMerge[] = [
  { name: 'block_sparse_moe.input_linear.weight', parts: GATE_UP, form: 'rows' },
  {
    name: 'shared_mlp.input_linear.weight',
    parts: [['ffn_gate_shexp.weight'], ['ffn_up_shexp.weight']],
    form: 'rows',
  },
  { name: 'shared_mlp.input_linear.weight', parts: [['ffn_gate.weight'], ['ffn_up.weight']], form: 'rows' },
];
export const GRANITE_EXPERTS = {
  ffn_gate_inp: 'block_sparse_moe.router.layer',
  ffn_down_exps: 'block_sparse_moe.output_linear',
  ffn_down_shexp: 'shared_mlp.output_linear',
  ffn_down: 'shared_mlp.output_linear',
};

/** Decoders whose checkpoints have all experts of a layer in one tensor. */
export const FUSED_EXPERTS: Readonly<Record<string, GgufNaming>> = {
  granitemoe: naming(
    { ...NORMS, ...ATTENTION, ...GRANITE_EXPERTS },
    { changes: PAIRS, merges: GRANITE_MERGES },
  ),
  llama4: naming(
    {
      ...NORMS,
      ...ATTENTION,
      ffn_gate: 'feed_forward.gate_proj',
      ffn_up: 'feed_forward.up_proj',
      ffn_down: 'feed_forward.down_proj',
      ffn_gate_inp: 'feed_forward.router',
      ...sharedNames('feed_forward.shared_expert'),
      'ffn_down_exps.weight': 'feed_forward.experts.down_proj',
    },
    {
      changes: { ffn_down_exps: ['transposed'] },
      merges: [{ name: 'feed_forward.experts.gate_up_proj', parts: GATE_UP, form: 'columns' }],
    },
  ),
  qwen3vlmoe: naming(
    {
      ...LLAMA,
      ...HEAD_NORMS,
      ffn_gate_inp: 'mlp.gate',
      'ffn_down_exps.weight': 'mlp.experts.down_proj',
    },
    {
      layers: { blk: 'model.language_model.layers' },
      outside: {
        token_embd: 'model.language_model.embed_tokens',
        output_norm: 'model.language_model.norm',
        output: 'lm_head',
      },
      changes: { ffn_down_exps: ['transposed'] },
      merges: [{ name: 'mlp.experts.gate_up_proj', parts: GATE_UP, form: 'columns' }],
    },
  ),
  'gpt-oss': naming(
    {
      ...ATTENTION,
      attn_norm: 'input_layernorm',
      post_attention_norm: 'post_attention_layernorm',
      'attn_sinks.weight': 'self_attn.sinks',
      ffn_gate_inp: 'mlp.router',
      'ffn_down_exps.weight': 'mlp.experts.down_proj',
      'ffn_down_exps.bias': 'mlp.experts.down_proj_bias',
    },
    {
      changes: { ffn_down_exps: ['transposed'] },
      merges: [
        { name: 'mlp.experts.gate_up_proj', parts: GATE_UP, form: 'columns in turn' },
        {
          name: 'mlp.experts.gate_up_proj_bias',
          parts: [['ffn_gate_exps.bias'], ['ffn_up_exps.bias']],
          form: 'columns in turn',
        },
      ],
    },
  ),
  dbrx: naming(
    {
      attn_norm: 'norm_attn_norm.norm_1',
      attn_output_norm: 'norm_attn_norm.norm_2',
      attn_qkv: 'norm_attn_norm.attn.Wqkv',
      attn_output: 'norm_attn_norm.attn.out_proj',
      ffn_gate_inp: 'ffn.router.layer',
      'ffn_gate_exps.weight': 'ffn.experts.mlp.w1',
      'ffn_up_exps.weight': 'ffn.experts.mlp.v1',
      'ffn_down_exps.weight': 'ffn.experts.mlp.w2',
    },
    {
      layers: { blk: 'transformer.blocks' },
      outside: { token_embd: 'transformer.wte', output_norm: 'transformer.norm_f', output: 'lm_head' },
      changes: {
        ffn_gate_exps: ['rows together'],
        ffn_up_exps: ['rows together'],
        ffn_down_exps: ['transposed', 'rows together'],
      },
    },
  ),
};
