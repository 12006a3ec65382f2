import type { GgufChange } from '../gguf-changes';
import type { GgufNames, GgufNaming } from '../gguf-naming';

/** Names that many architectures share, by those of gguf-py's `tensor_mapping.py` (https://github.com/ggml-org/llama.cpp). */
export const OUTSIDE = { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' };
export const NORMS = { attn_norm: 'input_layernorm', ffn_norm: 'post_attention_layernorm' };
export const ATTENTION = {
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
};
export const HEAD_NORMS = { attn_q_norm: 'self_attn.q_norm', attn_k_norm: 'self_attn.k_norm' };
export const MLP = { ffn_gate: 'mlp.gate_proj', ffn_up: 'mlp.up_proj', ffn_down: 'mlp.down_proj' };
export const LLAMA = { ...NORMS, ...ATTENTION, ...MLP };
export const POST_NORMS = {
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
};

/** The rows of heads that llama.cpp wants in pairs. */
export const PAIRS = { attn_q: ['query pairs'], attn_k: ['key pairs'] } as const satisfies Record<
  string,
  readonly GgufChange[]
>;

/** A naming with what is given; the rest as in LLaMA. */
export function naming(inside: GgufNames, more: Partial<GgufNaming> = {}): GgufNaming {
  return {
    layers: { blk: 'model.layers' },
    outside: OUTSIDE,
    inside,
    experts: {},
    changes: {},
    merges: [],
    ...more,
  };
}

/** Names of experts, each of three matrices: `mlp.experts.#.gate_proj`. */
export function expertNames(
  stem: string,
  [gate, up, down]: readonly [string, string, string] = ['gate_proj', 'up_proj', 'down_proj'],
): GgufNames {
  return {
    ffn_gate_exps: `${stem}.#.${gate}`,
    ffn_up_exps: `${stem}.#.${up}`,
    ffn_down_exps: `${stem}.#.${down}`,
  };
}

/** Names of experts that every token passes: `mlp.shared_experts.gate_proj`. */
export function sharedNames(stem: string): GgufNames {
  return {
    ffn_gate_shexp: `${stem}.gate_proj`,
    ffn_up_shexp: `${stem}.up_proj`,
    ffn_down_shexp: `${stem}.down_proj`,
  };
}

/** A state-space mixer below `stem`, of the first kind of Mamba. */
export function mixerNames(stem: string): GgufNames {
  return {
    ssm_in: `${stem}.in_proj`,
    ssm_conv1d: `${stem}.conv1d`,
    ssm_x: `${stem}.x_proj`,
    ssm_dt: `${stem}.dt_proj`,
    ssm_a: `${stem}.A_log`,
    ssm_d: `${stem}.D`,
    ssm_out: `${stem}.out_proj`,
  };
}

/** What conversion does to it. */
export const MIXER_CHANGES = {
  ssm_conv1d: ['middle axis'],
  ssm_a: ['negative exponential'],
} as const satisfies Record<string, readonly GgufChange[]>;

/** A mixer of the second kind, which has one A and D for a head. */
export function headMixerNames(stem: string): GgufNames {
  return {
    ssm_in: `${stem}.in_proj`,
    ssm_conv1d: `${stem}.conv1d`,
    'ssm_dt.bias': `${stem}.dt_bias`,
    ssm_a: `${stem}.A_log`,
    ssm_d: `${stem}.D`,
    ssm_norm: `${stem}.norm`,
    ssm_out: `${stem}.out_proj`,
  };
}

export const HEAD_MIXER_CHANGES = {
  ssm_conv1d: ['middle axis'],
  ssm_a: ['flat', 'negative exponential'],
  ssm_d: ['flat'],
  ssm_norm: ['flat'],
} as const satisfies Record<string, readonly GgufChange[]>;
