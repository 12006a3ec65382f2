import { BART } from './bart';
import { BERT } from './bert';
import { COMMON } from './common';
import { CONVOLUTION } from './convolution';
import { DIT, UNET } from './diffusion';
import { GGUF } from './gguf';
import { GPT, MEGATRON } from './gpt';
import { LLAMA } from './llama';
import { MIXTURE } from './mixture';
import { MAMBA, RWKV } from './recurrent';
import type { NamingRule } from './rule';
import { T5 } from './t5';
import { CLIP, VISION } from './vision';

/**
 * All naming rules: a table per family with the names that only it has, then the words that most families share. A new
 * architecture is a new table, or a word in one.
 */
export const NAMING_RULES: readonly NamingRule[] = [
  ...GGUF,
  ...MAMBA,
  ...RWKV,
  ...DIT,
  ...UNET,
  ...CLIP,
  ...T5,
  ...BART,
  ...BERT,
  ...CONVOLUTION,
  ...VISION,
  ...MIXTURE,
  ...MEGATRON,
  ...GPT,
  ...LLAMA,
  ...COMMON,
];
