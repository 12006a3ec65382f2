import { EXPERTS, last, SHARED, within, type NamingRule } from './rule';

/**
 * Mixtures of experts: Mixtral, Qwen, DeepSeek, OLMoE, Jamba (experts one by one), Llama 4, gpt-oss, Granite, DBRX
 * (stacked), Switch and NLLB. Before the multilayer perceptrons whose names they share.
 */
export const MIXTURE: readonly NamingRule[] = [
  {
    pattern: last(
      'block_sparse_moe\\.gate|mlp\\.gate|mlp\\.gate\\.wg|moe\\.gate|router|router\\.classifier|router\\.layer|feed_forward\\.router|feed_forward\\.gate|ffn\\.gate',
    ),
    module: 'router',
  },
  { pattern: last('shared_expert_gate'), module: 'shared-expert.router' },
  { pattern: within(SHARED, 'gate_proj|w1'), module: 'shared-expert.gate' },
  { pattern: within(SHARED, 'up_proj|w3'), module: 'shared-expert.up' },
  { pattern: within(SHARED, 'down_proj|w2|output_linear'), module: 'shared-expert.down' },
  { pattern: within(SHARED, 'gate_and_up_proj|gate_up_proj|input_linear'), module: 'shared-expert.gate-up' },
  { pattern: within(EXPERTS, 'gate_up_proj(?:_blocks|_scales|_bias)?'), module: 'expert.gate-up' },
  { pattern: within(EXPERTS, 'gate_proj|w1|wi_0'), module: 'expert.gate' },
  { pattern: within(EXPERTS, 'up_proj|w3|v1|wi|wi_1|fc1|linear_fc1'), module: 'expert.up' },
  {
    pattern: within(EXPERTS, 'down_proj(?:_blocks|_scales|_bias)?|w2|wo|fc2|linear_fc2'),
    module: 'expert.down',
  },
  { pattern: within('(?:block_sparse_moe|moe|mlp)', 'input_linear'), module: 'expert.gate-up' },
  { pattern: within('(?:block_sparse_moe|moe|mlp)', 'output_linear'), module: 'expert.down' },
  { pattern: /(?:^|\.)experts(?:\.|$)/, module: 'expert' },
];
