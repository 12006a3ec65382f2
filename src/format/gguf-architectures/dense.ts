import type { GgufNaming } from '../gguf-naming';
import { ATTENTION, HEAD_NORMS, LLAMA, MLP, naming, NORMS, OUTSIDE, PAIRS, POST_NORMS } from './modules';

const HUNYUAN_NORMS = { attn_q_norm: 'self_attn.query_layernorm', attn_k_norm: 'self_attn.key_layernorm' };
const GLM = { ...NORMS, ...ATTENTION, ffn_up: 'mlp.gate_up_proj', ffn_down: 'mlp.down_proj' };
const LATENT = {
  attn_q_a: 'self_attn.q_a_proj',
  attn_q_a_norm: 'self_attn.q_a_layernorm',
  attn_q_b: 'self_attn.q_b_proj',
  attn_kv_a_mqa: 'self_attn.kv_a_proj_with_mqa',
  attn_kv_a_norm: 'self_attn.kv_a_layernorm',
  attn_kv_b: 'self_attn.kv_b_proj',
};

/** Decoders built like LLaMA with one MLP a layer. */
export const DENSE: Readonly<Record<string, GgufNaming>> = {
  arcee: naming(LLAMA, { changes: PAIRS }),
  granite: naming(LLAMA, { changes: PAIRS }),
  minicpm: naming(LLAMA, { changes: PAIRS }),
  smollm3: naming(LLAMA, { changes: PAIRS }),
  mistral3: naming(LLAMA, { changes: PAIRS }),
  xverse: naming(LLAMA, { changes: PAIRS }),
  deci: naming(LLAMA, { changes: PAIRS }),
  olmo: naming({ ...ATTENTION, ...MLP }, { changes: PAIRS }),
  orion: naming(LLAMA),
  qwen2: naming(LLAMA),
  qwen2vl: naming(LLAMA),
  dream: naming(LLAMA),
  jais2: naming(LLAMA),
  'pangu-embedded': naming(LLAMA),
  ernie4_5: naming(LLAMA),
  paddleocr: naming(LLAMA),
  stablelm: naming(LLAMA),
  qwen3: naming({ ...LLAMA, ...HEAD_NORMS }),
  qwen3vl: naming(
    { ...LLAMA, ...HEAD_NORMS },
    {
      layers: { blk: 'model.language_model.layers' },
      outside: {
        token_embd: 'model.language_model.embed_tokens',
        output_norm: 'model.language_model.norm',
        output: 'lm_head',
      },
    },
  ),
  seed_oss: naming({
    ...ATTENTION,
    ...MLP,
    attn_norm: 'input_layernorm',
    post_attention_norm: 'post_attention_layernorm',
  }),
  'hunyuan-dense': naming({ ...LLAMA, ...HUNYUAN_NORMS }),
  olmo2: naming({ ...ATTENTION, ...MLP, ...HEAD_NORMS, ...POST_NORMS }),
  exaone4: naming({ ...ATTENTION, ...MLP, ...HEAD_NORMS, ...POST_NORMS }),
  'command-r': naming({ ...ATTENTION, ...MLP, attn_norm: 'input_layernorm' }),
  cohere2: naming({ ...ATTENTION, ...MLP, attn_norm: 'input_layernorm' }),
  starcoder2: naming({ ...NORMS, ...ATTENTION, ffn_up: 'mlp.c_fc', ffn_down: 'mlp.c_proj' }),
  apertus: naming({
    ...ATTENTION,
    ...HEAD_NORMS,
    attn_norm: 'attention_layernorm',
    ffn_norm: 'feedforward_layernorm',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  }),
  bitnet: naming({
    ...LLAMA,
    attn_sub_norm: 'self_attn.attn_sub_norm',
    ffn_sub_norm: 'mlp.ffn_sub_norm',
  }),
  nemotron: naming(LLAMA, {
    changes: { attn_norm: ['plus one'], ffn_norm: ['plus one'], output_norm: ['plus one'] },
  }),
  phi2: naming(
    {
      attn_norm: 'input_layernorm',
      attn_q: 'self_attn.q_proj',
      attn_k: 'self_attn.k_proj',
      attn_v: 'self_attn.v_proj',
      attn_output: 'self_attn.dense',
      ffn_up: 'mlp.fc1',
      ffn_down: 'mlp.fc2',
    },
    { outside: { ...OUTSIDE, output_norm: 'model.final_layernorm' } },
  ),
  phi3: naming({
    ...NORMS,
    attn_qkv: 'self_attn.qkv_proj',
    attn_output: 'self_attn.o_proj',
    ffn_up: 'mlp.gate_up_proj',
    ffn_down: 'mlp.down_proj',
  }),
  glm4: naming({
    ...GLM,
    post_attention_norm: 'post_self_attn_layernorm',
    post_ffw_norm: 'post_mlp_layernorm',
  }),
  chatglm: naming(GLM),
  minicpm3: naming({ ...NORMS, ...MLP, ...LATENT, attn_output: 'self_attn.o_proj' }),
  plm: naming({
    ...NORMS,
    ...LATENT,
    attn_q: 'self_attn.q_proj',
    attn_output: 'self_attn.o_proj',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  }),
  baichuan: naming(
    { ...NORMS, ...MLP, attn_output: 'self_attn.o_proj' },
    {
      merges: [
        {
          name: 'self_attn.W_pack.weight',
          parts: [['attn_q.weight', 'query pairs'], ['attn_k.weight', 'key pairs'], ['attn_v.weight']],
          form: 'rows',
        },
      ],
    },
  ),
  internlm2: naming(
    {
      attn_norm: 'attention_norm',
      ffn_norm: 'ffn_norm',
      attn_output: 'attention.wo',
      ffn_gate: 'feed_forward.w1',
      ffn_up: 'feed_forward.w3',
      ffn_down: 'feed_forward.w2',
    },
    {
      outside: { token_embd: 'model.tok_embeddings', output_norm: 'model.norm', output: 'output' },
      merges: [
        {
          name: 'attention.wqkv.weight',
          parts: [['attn_q.weight', 'query pairs'], ['attn_k.weight', 'key pairs'], ['attn_v.weight']],
          form: 'groups',
        },
      ],
    },
  ),
};
