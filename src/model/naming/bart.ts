import { last, within, type NamingRule } from './rule';

/** BART, OPT and Whisper: names that go back to fairseq, and Whisper's as OpenAI has them. */
export const BART: readonly NamingRule[] = [
  { pattern: within('classification_head', 'dense|out_proj'), module: 'head' },
  { pattern: last('project_in'), module: 'embedding.projection' },
  { pattern: last('project_out'), module: 'linear', row: 'output' },
  { pattern: last('encoder\\.conv\\d'), module: 'embedding.audio', row: 'input' },
  { pattern: within('cross_attn', 'out'), module: 'cross-attention.output' },
  { pattern: last('cross_attn_ln'), module: 'norm.cross-attention' },
  { pattern: /^(?:model\.)?decoder\.ln$/, module: 'norm.final', row: 'output' },
];
