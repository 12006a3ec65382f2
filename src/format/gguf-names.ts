/** How an architecture's tensors are called in GGUF files and in Hugging Face checkpoints. */
export interface GgufNaming {
  /**
   * Whether the converter puts the rows of query and key heads in pairs: llama.cpp's rotary embedding turns neighbours where
   * that of transformers turns the two halves of a head (`LlamaModel.permute` of convert_hf_to_gguf.py).
   */
  readonly paired: boolean;
  /** What stands before the number of a layer. */
  readonly layers: string;
  /** By the part before `.weight` or `.bias`, outside of layers. */
  readonly outside: Readonly<Record<string, string>>;
  /** The same for what follows `blk.N.`. */
  readonly inside: Readonly<Record<string, string>>;
  /** Stacks of matrices that a checkpoint has one by one; `#` is the number of the expert. */
  readonly experts: Readonly<Record<string, string>>;
}

const OUTSIDE = { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' };
const NORMS = { attn_norm: 'input_layernorm', ffn_norm: 'post_attention_layernorm' };
const ATTENTION = {
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
};
const HEAD_NORMS = { attn_q_norm: 'self_attn.q_norm', attn_k_norm: 'self_attn.k_norm' };
const MLP = { ffn_gate: 'mlp.gate_proj', ffn_up: 'mlp.up_proj', ffn_down: 'mlp.down_proj' };
const ROUTER = { ffn_gate_inp: 'mlp.gate' };
const EXPERTS = {
  ffn_gate_exps: 'mlp.experts.#.gate_proj',
  ffn_up_exps: 'mlp.experts.#.up_proj',
  ffn_down_exps: 'mlp.experts.#.down_proj',
};
const SHARED = {
  ffn_gate_shexp: 'mlp.shared_experts.gate_proj',
  ffn_up_shexp: 'mlp.shared_experts.up_proj',
  ffn_down_shexp: 'mlp.shared_experts.down_proj',
};

function naming(inside: GgufNaming['inside'], more: Partial<GgufNaming> = {}): GgufNaming {
  return { paired: false, layers: 'model.layers', outside: OUTSIDE, inside, experts: {}, ...more };
}

const LLAMA = { ...NORMS, ...ATTENTION, ...MLP };
const POST_NORMS = {
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
};

/**
 * By `general.architecture`, from gguf-py's `tensor_mapping.py` and the converters of llama.cpp
 * (https://github.com/ggml-org/llama.cpp). Only what a converter leaves as it is, or turns around exactly: norms of Gemma, to
 * which it adds one, keep their names, and so does everything that is split, fused or transposed on the way.
 */
const NAMINGS: Readonly<Record<string, GgufNaming>> = {
  llama: naming(
    { ...LLAMA, ffn_gate_inp: 'block_sparse_moe.gate' },
    {
      paired: true,
      experts: {
        ffn_gate_exps: 'block_sparse_moe.experts.#.w1',
        ffn_down_exps: 'block_sparse_moe.experts.#.w2',
        ffn_up_exps: 'block_sparse_moe.experts.#.w3',
      },
    },
  ),
  arcee: naming(LLAMA, { paired: true }),
  granite: naming(LLAMA, { paired: true }),
  minicpm: naming(LLAMA, { paired: true }),
  smollm3: naming(LLAMA, { paired: true }),
  olmo: naming({ ...ATTENTION, ...MLP }, { paired: true }),
  deepseek: naming({ ...LLAMA, ...ROUTER, ...SHARED }, { paired: true, experts: EXPERTS }),
  qwen2: naming(LLAMA),
  qwen3: naming({ ...LLAMA, ...HEAD_NORMS }),
  qwen2moe: naming(
    {
      ...LLAMA,
      ...ROUTER,
      ffn_gate_shexp: 'mlp.shared_expert.gate_proj',
      ffn_up_shexp: 'mlp.shared_expert.up_proj',
      ffn_down_shexp: 'mlp.shared_expert.down_proj',
    },
    { experts: EXPERTS },
  ),
  qwen3moe: naming({ ...LLAMA, ...HEAD_NORMS, ...ROUTER }, { experts: EXPERTS }),
  olmo2: naming({ ...ATTENTION, ...MLP, ...HEAD_NORMS, ...POST_NORMS }),
  olmoe: naming({ ...LLAMA, ...HEAD_NORMS, ...ROUTER }, { experts: EXPERTS }),
  exaone4: naming({ ...ATTENTION, ...MLP, ...HEAD_NORMS, ...POST_NORMS }),
  'command-r': naming({ ...ATTENTION, ...MLP, attn_norm: 'input_layernorm' }),
  stablelm: naming(LLAMA),
  starcoder2: naming({ ...NORMS, ...ATTENTION, ffn_up: 'mlp.c_fc', ffn_down: 'mlp.c_proj' }),
  phi3: naming({
    ...NORMS,
    attn_qkv: 'self_attn.qkv_proj',
    attn_output: 'self_attn.o_proj',
    ffn_up: 'mlp.gate_up_proj',
    ffn_down: 'mlp.down_proj',
  }),
  gemma: naming({ ...ATTENTION, ...MLP }, { outside: { token_embd: 'model.embed_tokens' } }),
  gemma2: naming({ ...ATTENTION, ...MLP }, { outside: { token_embd: 'model.embed_tokens' } }),
  gemma3: naming({ ...ATTENTION, ...MLP }, { outside: { token_embd: 'model.embed_tokens' } }),
  deepseek2: naming(
    {
      ...LLAMA,
      ...ROUTER,
      ...SHARED,
      attn_q_a: 'self_attn.q_a_proj',
      attn_q_a_norm: 'self_attn.q_a_layernorm',
      attn_q_b: 'self_attn.q_b_proj',
      attn_kv_a_mqa: 'self_attn.kv_a_proj_with_mqa',
      attn_kv_a_norm: 'self_attn.kv_a_layernorm',
      attn_kv_b: 'self_attn.kv_b_proj',
    },
    { experts: EXPERTS },
  ),
  mamba: naming(
    {
      attn_norm: 'norm',
      ssm_in: 'mixer.in_proj',
      ssm_x: 'mixer.x_proj',
      ssm_dt: 'mixer.dt_proj',
      ssm_out: 'mixer.out_proj',
    },
    {
      layers: 'backbone.layers',
      outside: { token_embd: 'backbone.embeddings', output_norm: 'backbone.norm_f', output: 'lm_head' },
    },
  ),
};

/** How an architecture is named; `undefined` where that is not known for sure. */
export function namingOf(architecture: string): GgufNaming | undefined {
  return Object.hasOwn(NAMINGS, architecture) ? NAMINGS[architecture] : undefined;
}

/** A name in a GGUF file as its parts. `lora` is the ending of an adapter's factor. */
const NAME = /^(?:blk\.(\d+)\.)?([a-z0-9_]+)\.(weight|bias)(\.lora_[ab])?$/;

/** What a tensor is called in a Hugging Face checkpoint. */
export interface HubName {
  /** With `#` for the number of the expert, where the tensor is a stack of them. */
  readonly name: string;
  readonly stacked: boolean;
  /** Which heads its rows belong to, where these are in pairs. */
  readonly heads: 'query' | 'key' | null;
  /** The factor of an adapter that it is. */
  readonly factor: 'a' | 'b' | null;
}

/** The name of a tensor in a Hugging Face checkpoint; `null` where it is not known for sure. */
export function hubName(
  name: string,
  { paired, layers, outside, inside, experts }: GgufNaming,
): HubName | null {
  const [, layer, module = '', parameter = '', lora = ''] = NAME.exec(name) ?? [];
  const table = layer === undefined ? outside : inside;
  const ending = `.${parameter}${lora}`;
  const before = layer === undefined ? '' : `${layers}.${layer}.`;
  const factor = lora === '' ? null : lora.endsWith('a') ? 'a' : 'b';
  if (layer !== undefined && factor === null && Object.hasOwn(experts, module)) {
    return { name: `${before}${experts[module] ?? ''}${ending}`, stacked: true, heads: null, factor };
  }
  if (!Object.hasOwn(table, module)) return null;
  const heads = !paired ? null : module === 'attn_q' ? 'query' : module === 'attn_k' ? 'key' : null;
  return { name: `${before}${table[module] ?? ''}${ending}`, stacked: false, heads, factor };
}
