import type { GgufNames, GgufNaming } from '../gguf-naming';
import { LLAMA, naming } from './modules';

/** Attention of T5 as layer `n` of a block. */
function t5Attention(n: number, module: string, prefix: string): GgufNames {
  const stem = `layer.${String(n)}.${module}`;
  return {
    [`${prefix}attn_q`]: `${stem}.q`,
    [`${prefix}attn_k`]: `${stem}.k`,
    [`${prefix}attn_v`]: `${stem}.v`,
    [`${prefix}attn_o`]: `${stem}.o`,
    [`${prefix}attn_rel_b`]: `${stem}.relative_attention_bias`,
    [`${prefix}attn_norm`]: `layer.${String(n)}.layer_norm`,
  };
}

/** The MLP, which is gated (v1.1, Flan) or has one matrix `wi` where `ffn_gate` is missing. */
function t5Mlp(n: number, prefix: string, isGated: boolean): GgufNames {
  const stem = `layer.${String(n)}.DenseReluDense`;
  return {
    ...(isGated ? { [`${prefix}ffn_gate`]: `${stem}.wi_0` } : {}),
    [`${prefix}ffn_up`]: `${stem}.${isGated ? 'wi_1' : 'wi'}`,
    [`${prefix}ffn_down`]: `${stem}.wo`,
    [`${prefix}ffn_norm`]: `layer.${String(n)}.layer_norm`,
  };
}

function t5(isGated: boolean): GgufNaming {
  return naming(
    {
      ...t5Attention(0, 'SelfAttention', 'enc.'),
      ...t5Mlp(1, 'enc.', isGated),
      ...t5Attention(0, 'SelfAttention', 'dec.'),
      ...t5Attention(1, 'EncDecAttention', 'dec.cross_'),
      ...t5Mlp(2, 'dec.', isGated),
    },
    {
      layers: { 'enc.blk': 'encoder.block', 'dec.blk': 'decoder.block' },
      outside: {
        token_embd: 'shared',
        'enc.output_norm': 'encoder.final_layer_norm',
        'dec.output_norm': 'decoder.final_layer_norm',
        output: 'lm_head',
      },
    },
  );
}

/** T5 whose MLPs have a gate, and T5 as it was first. */
export const [T5_GATED, T5_PLAIN] = [t5(true), t5(false)];

/** Encoders, under the names of the model without a head. */
export const ENCODERS: Readonly<Record<string, GgufNaming>> = {
  t5: T5_GATED,
  t5encoder: T5_GATED,
  bert: naming(
    {
      attn_q: 'attention.self.query',
      attn_k: 'attention.self.key',
      attn_v: 'attention.self.value',
      attn_output: 'attention.output.dense',
      attn_output_norm: 'attention.output.LayerNorm',
      ffn_up: 'intermediate.dense',
      ffn_down: 'output.dense',
      layer_output_norm: 'output.LayerNorm',
    },
    {
      layers: { blk: 'encoder.layer' },
      outside: {
        token_embd: 'embeddings.word_embeddings',
        token_types: 'embeddings.token_type_embeddings',
        position_embd: 'embeddings.position_embeddings',
        token_embd_norm: 'embeddings.LayerNorm',
      },
    },
  ),
  'nomic-bert': naming(
    {
      attn_qkv: 'attn.Wqkv',
      attn_output: 'attn.out_proj',
      attn_output_norm: 'norm1',
      ffn_up: 'mlp.fc11',
      ffn_gate: 'mlp.fc12',
      ffn_down: 'mlp.fc2',
      layer_output_norm: 'norm2',
    },
    {
      layers: { blk: 'encoder.layers' },
      outside: {
        token_embd: 'embeddings.word_embeddings',
        token_types: 'embeddings.token_type_embeddings',
        token_embd_norm: 'emb_ln',
      },
    },
  ),
  'modern-bert': naming(
    {
      attn_norm: 'attn_norm',
      attn_qkv: 'attn.Wqkv',
      attn_output: 'attn.Wo',
      ffn_norm: 'mlp_norm',
      ffn_up: 'mlp.Wi',
      ffn_down: 'mlp.Wo',
    },
    {
      layers: { blk: 'layers' },
      outside: {
        token_embd: 'embeddings.tok_embeddings',
        token_embd_norm: 'embeddings.norm',
        output_norm: 'final_norm',
      },
    },
  ),
  eurobert: naming(LLAMA, {
    layers: { blk: 'layers' },
    outside: { token_embd: 'embed_tokens', output_norm: 'norm' },
  }),
};
