import { last, within, type NamingRule } from './rule';

/** BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT, DeBERTa, ModernBERT, where the common words do not do. */
export const BERT: readonly NamingRule[] = [
  // Heads of tasks; before the attention, which has an "out_proj", too.
  {
    pattern:
      /(?:^|\.)(?:classifier|classification_head|qa_classifier|discriminator_predictions|generator_predictions|generator_lm_head|lm_predictions|predictions|sop_classifier|vocab_transform|vocab_projector)(?:\.[a-z_]+)*$/,
    module: 'head',
    outside: true,
  },
  { pattern: last('vocab_layer_norm|lm_head\\.layer_norm'), module: 'norm.head', row: 'output' },
  { pattern: last('pre_classifier'), module: 'pooler' },
  { pattern: last('embeddings_project|embedding_hidden_mapping_in'), module: 'embedding.projection' },
  { pattern: last('rel_embeddings'), module: 'embedding.position' },

  // ALBERT.
  { pattern: /(?:^|\.)albert_layers\.\d+\.attention\.layernorm$/, module: 'norm.attention' },
  { pattern: last('full_layer_layer_norm'), module: 'norm.mlp' },
  { pattern: /(?:^|\.)albert_layers\.\d+\.ffn$/, module: 'mlp.up' },
  { pattern: last('ffn_output'), module: 'mlp.down' },

  // DeBERTa attends to positions, too.
  {
    pattern: within('attention\\.self', 'pos_proj|pos_q_proj|pos_key_proj|pos_query_proj'),
    module: 'attention.position',
  },

  // ModernBERT and nomic-bert.
  { pattern: /(?:^|\.)layers\.#\.mlp\.wi$/, module: 'mlp.gate-up' },
  { pattern: within('mlp', 'fc11'), module: 'mlp.up' },
  { pattern: within('mlp', 'fc12'), module: 'mlp.gate' },
  { pattern: /^head\.norm$/, module: 'norm.head', row: 'output' },
  { pattern: /^(?:head\.dense|decoder)$/, module: 'head' },
];
