import type { GgufChange } from '../gguf-changes';
import type { GgufNaming } from '../gguf-naming';
import { ATTENTION, HEAD_NORMS, LLAMA, MLP, naming, POST_NORMS } from './modules';

const TWO_NORMS = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  ...POST_NORMS,
};
const GEMMA2 = { ...ATTENTION, ...MLP, ...TWO_NORMS };
const GEMMA3 = { ...GEMMA2, ...HEAD_NORMS };

/** All norms of Gemma up to 3 multiply by 1 + w, and stand as that. */
const PLUS_ONE = Object.fromEntries(
  [
    'attn_norm',
    'ffn_norm',
    'post_attention_norm',
    'post_ffw_norm',
    'attn_q_norm',
    'attn_k_norm',
    'output_norm',
  ].map((module): [string, readonly GgufChange[]] => [module, ['plus one']]),
);

/** Gemma, which has one matrix for embedding and head. */
export const GEMMA: Readonly<Record<string, GgufNaming>> = {
  gemma: naming(LLAMA, { changes: PLUS_ONE }),
  gemma2: naming(GEMMA2, { changes: PLUS_ONE }),
  gemma3: naming(GEMMA3, { changes: PLUS_ONE }),
  'gemma-embedding': naming(GEMMA3, { changes: PLUS_ONE }),
  gemma4: naming(
    {
      ...GEMMA3,
      'layer_output_scale.weight': 'layer_scalar',
      inp_gate: 'per_layer_input_gate',
      proj: 'per_layer_projection',
      post_norm: 'post_per_layer_input_norm',
    },
    {
      outside: {
        token_embd: 'model.embed_tokens',
        output_norm: 'model.norm',
        output: 'lm_head',
        per_layer_token_embd: 'model.embed_tokens_per_layer',
        per_layer_model_proj: 'model.per_layer_model_projection',
        per_layer_proj_norm: 'model.per_layer_projection_norm',
      },
    },
  ),
};
