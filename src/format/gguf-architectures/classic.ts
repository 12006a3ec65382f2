import type { GgufNaming } from '../gguf-naming';
import { naming } from './modules';

const GPT = {
  attn_norm: 'ln_1',
  ffn_norm: 'ln_2',
  attn_qkv: 'attn.c_attn',
  attn_output: 'attn.c_proj',
  ffn_up: 'mlp.c_fc',
  ffn_down: 'mlp.c_proj',
};
const IN_TRANSFORMER = {
  layers: { blk: 'transformer.h' },
  outside: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
};
const NEOX = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'post_attention_layernorm',
  ffn_up: 'mlp.dense_h_to_4h',
  ffn_down: 'mlp.dense_4h_to_h',
};
const BLOOM = {
  ...NEOX,
  attn_qkv: 'self_attention.query_key_value',
  attn_output: 'self_attention.dense',
};
const BLOOM_OUTSIDE = {
  token_embd: 'transformer.word_embeddings',
  token_embd_norm: 'transformer.word_embeddings_layernorm',
  output_norm: 'transformer.ln_f',
  output: 'lm_head',
};

/** Decoders from before LLaMA. */
export const CLASSIC: Readonly<Record<string, GgufNaming>> = {
  gpt2: naming(GPT, {
    ...IN_TRANSFORMER,
    changes: {
      attn_qkv: ['transposed'],
      attn_output: ['transposed'],
      ffn_up: ['transposed'],
      ffn_down: ['transposed'],
    },
  }),
  starcoder: naming(GPT, IN_TRANSFORMER),
  codeshell: naming(GPT, IN_TRANSFORMER),
  qwen: naming({ ...GPT, ffn_up: 'mlp.w1', ffn_gate: 'mlp.w2' }, IN_TRANSFORMER),
  exaone: naming(
    {
      attn_norm: 'ln_1',
      ffn_norm: 'ln_2',
      attn_q: 'attn.attention.q_proj',
      attn_k: 'attn.attention.k_proj',
      attn_v: 'attn.attention.v_proj',
      attn_output: 'attn.attention.out_proj',
      ffn_gate: 'mlp.c_fc_0',
      ffn_up: 'mlp.c_fc_1',
      ffn_down: 'mlp.c_proj',
    },
    IN_TRANSFORMER,
  ),
  refact: naming(
    {
      attn_norm: 'ln_1',
      ffn_norm: 'ln_2',
      attn_q: 'attn.q',
      attn_output: 'attn.c_proj',
      ffn_down: 'mlp.c_proj',
    },
    {
      ...IN_TRANSFORMER,
      merges: [
        { name: 'attn.kv.weight', parts: [['attn_k.weight'], ['attn_v.weight']], form: 'rows' },
        { name: 'mlp.gate_up_proj.weight', parts: [['ffn_gate.weight'], ['ffn_up.weight']], form: 'rows' },
      ],
    },
  ),
  gptneox: naming(
    { ...NEOX, attn_qkv: 'attention.query_key_value', attn_output: 'attention.dense' },
    {
      layers: { blk: 'gpt_neox.layers' },
      outside: {
        token_embd: 'gpt_neox.embed_in',
        output_norm: 'gpt_neox.final_layer_norm',
        output: 'embed_out',
      },
      changes: { attn_qkv: ['heads apart'] },
    },
  ),
  bloom: naming(BLOOM, {
    layers: { blk: 'transformer.h' },
    outside: BLOOM_OUTSIDE,
    changes: { attn_qkv: ['heads apart'] },
  }),
  falcon: naming(BLOOM, {
    layers: { blk: 'transformer.h' },
    outside: BLOOM_OUTSIDE,
    changes: { attn_qkv: ['groups apart'] },
  }),
  mpt: naming(
    {
      attn_norm: 'norm_1',
      ffn_norm: 'norm_2',
      attn_qkv: 'attn.Wqkv',
      attn_output: 'attn.out_proj',
      ffn_up: 'ffn.up_proj',
      ffn_down: 'ffn.down_proj',
    },
    {
      layers: { blk: 'transformer.blocks' },
      outside: { token_embd: 'transformer.wte', output_norm: 'transformer.norm_f', output: 'lm_head' },
    },
  ),
  openelm: naming(
    {
      attn_norm: 'attn_norm',
      ffn_norm: 'ffn_norm',
      attn_qkv: 'attn.qkv_proj',
      attn_q_norm: 'attn.q_norm',
      attn_k_norm: 'attn.k_norm',
      attn_output: 'attn.out_proj',
      ffn_down: 'ffn.proj_2',
    },
    {
      layers: { blk: 'transformer.layers' },
      outside: {
        token_embd: 'transformer.token_embeddings',
        output_norm: 'transformer.norm',
        output: 'lm_head',
      },
      merges: [{ name: 'ffn.proj_1.weight', parts: [['ffn_gate.weight'], ['ffn_up.weight']], form: 'rows' }],
    },
  ),
};

/** Falcon with two norms a layer (`new_decoder_architecture`, 40B): what is called `attn_norm` is that of the MLP. */
export const FALCON_TWO_NORMS: GgufNaming = naming(
  { ...BLOOM, attn_norm: 'ln_mlp', attn_norm_2: 'ln_attn' },
  {
    layers: { blk: 'transformer.h' },
    outside: BLOOM_OUTSIDE,
    changes: { attn_qkv: ['groups apart'] },
  },
);

/** ChatGLM as its own code has it, whose queries, keys and values are one matrix. */
export const CHATGLM_FUSED: GgufNaming = naming(
  { ...NEOX, attn_qkv: 'self_attention.query_key_value', attn_output: 'self_attention.dense' },
  {
    layers: { blk: 'transformer.encoder.layers' },
    outside: {
      token_embd: 'transformer.embedding.word_embeddings',
      output_norm: 'transformer.encoder.final_layernorm',
      output: 'transformer.output_layer',
    },
  },
);
