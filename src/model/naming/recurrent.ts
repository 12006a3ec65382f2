import { last, within, type NamingRule } from './rule';

/** Where the state space of a layer stands: Mamba, Mamba-2, Falcon-Mamba; Jamba, Bamba and Zamba say so. */
const STATE_SPACE =
  '(?:backbone\\.layers\\.#\\.mixer|layers\\.#\\.mixer|mamba|mamba_decoder\\.mamba|linear_attn)';

/** Mamba and Mamba-2, alone or among attention; the linear attention of Qwen3-Next has the same parts. */
export const MAMBA: readonly NamingRule[] = [
  { pattern: /^(?:backbone|model)\.embeddings?$/, module: 'embedding.token' },
  { pattern: within(STATE_SPACE, 'in_proj(?:_[a-z]+)?'), module: 'ssm.in' },
  { pattern: within(STATE_SPACE, 'conv1d'), module: 'ssm.convolution' },
  { pattern: within(STATE_SPACE, 'x_proj'), module: 'ssm.parameters' },
  { pattern: within(STATE_SPACE, 'dt_proj|dt_bias'), module: 'ssm.step' },
  { pattern: within(STATE_SPACE, 'a_log|d'), module: 'ssm.state' },
  { pattern: within(STATE_SPACE, 'norm|(?:b|c|dt)_layernorm'), module: 'norm.ssm' },
  { pattern: /(?:^|\.)(?:backbone\.layers\.#\.mixer|mamba|linear_attn)\.out_proj$/, module: 'ssm.output' },
  { pattern: /(?:^|\.)backbone\.layers\.#\.norm$/, module: 'norm.layer' },
];

/** How one layer of RWKV mixes over time, under its two names. */
const TIME_MIX = '(?:blocks\\.#\\.(?:att|attention))';
const CHANNEL_MIX = '(?:blocks\\.#\\.(?:ffn|feed_forward))';

/** RWKV 4 to 7, as the authors and as Hugging Face name them. */
export const RWKV: readonly NamingRule[] = [
  { pattern: /^(?:emb|rwkv\.embeddings)$/, module: 'embedding.token' },
  { pattern: /(?:^|\.)blocks\.#\.(?:ln0|pre_ln)$/, module: 'norm.embedding' },
  { pattern: within(TIME_MIX, 'receptance'), module: 'time-mix.receptance' },
  { pattern: within(TIME_MIX, 'key'), module: 'time-mix.key' },
  { pattern: within(TIME_MIX, 'value'), module: 'time-mix.value' },
  { pattern: /(?:^|\.)blocks\.#\.(?:att\.gate|attention\.gate|att\.g[12])$/, module: 'time-mix.gate' },
  { pattern: /(?:^|\.)blocks\.#\.(?:att\.output|attention\.output)$/, module: 'time-mix.output' },
  { pattern: within(TIME_MIX, 'ln_x'), module: 'norm.time-mix' },
  {
    pattern: within(TIME_MIX, 'time_[a-z0-9_]+|x_[rwkvag]|[wav][012]|k_[ka]|r_k'),
    module: 'time-mix.parameters',
  },
  { pattern: within(CHANNEL_MIX, 'key'), module: 'mlp.up' },
  { pattern: within(CHANNEL_MIX, 'receptance'), module: 'mlp.gate' },
  { pattern: within(CHANNEL_MIX, 'value'), module: 'mlp.down' },
  { pattern: within(CHANNEL_MIX, 'time_[a-z0-9_]+|x_k'), module: 'mlp' },
  { pattern: last('ln_out'), module: 'norm.final', row: 'output' },
];
