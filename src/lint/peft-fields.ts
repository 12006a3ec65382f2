/** What a value of a field may be. */
export type FieldType =
  | 'boolean'
  | 'integer'
  | 'number'
  | 'string'
  | 'names'
  | 'name-or-names'
  | 'integers'
  | 'number-map'
  | 'object'
  | 'anything';

/** One field of PEFT's `LoraConfig` or of what it inherits. */
export interface PeftField {
  readonly type: FieldType;
  /** What it means, for a hover: one or two sentences. */
  readonly meaning: string;
  /** Whether `null` is allowed; it nearly always is, and then stands for the default. */
  readonly required?: true;
  readonly minimum?: number;
  /** Values beyond this one, itself excluded from nothing. */
  readonly maximum?: number;
  /** The only values allowed. */
  readonly values?: readonly string[];
}

const DEVELOPER = 'A setting of the training run; it does not change how the saved adapter is applied.';

/** Fields of `peft/tuners/lora/config.py` (LoraConfig) and `peft/config.py` (PeftConfig), from version 0.3 to 0.18. */
export const LORA_FIELDS: Readonly<Record<string, PeftField>> = {
  peft_type: { type: 'string', required: true, meaning: 'The kind of adapter, e.g. LORA.' },
  base_model_name_or_path: {
    type: 'string',
    meaning: 'The base that the adapter modifies: a path, or a name on the Hugging Face hub.',
  },
  r: {
    type: 'integer',
    required: true,
    minimum: 1,
    meaning: 'Rank of the low-rank update τ = s·B·A: A is r × inputs, B is outputs × r.',
  },
  lora_alpha: {
    type: 'number',
    required: true,
    meaning: 'Numerator of the scale s: lora_alpha / r, or lora_alpha / √r with use_rslora.',
  },
  target_modules: {
    type: 'name-or-names',
    meaning:
      'Which modules get an adapter. A list names modules by their full name or its last parts; a single string is a ' +
      'regular expression over the full name, or "all-linear".',
  },
  exclude_modules: {
    type: 'name-or-names',
    meaning: 'Modules that get no adapter although target_modules names them.',
  },
  rank_pattern: {
    type: 'number-map',
    minimum: 1,
    meaning: 'Ranks of single modules, by module name or regular expression over its end, in place of r.',
  },
  alpha_pattern: {
    type: 'number-map',
    meaning:
      'Alphas of single modules, by module name or regular expression over its end, in place of lora_alpha.',
  },
  use_rslora: {
    type: 'boolean',
    meaning:
      'Rank-stabilised scale lora_alpha / √r in place of lora_alpha / r (Kalajdzievski 2023, arXiv 2312.03732).',
  },
  use_dora: {
    type: 'boolean',
    meaning:
      'Learns a magnitude for every output beside the low-rank direction (Liu et al. 2024, arXiv 2402.09353).',
  },
  fan_in_fan_out: {
    type: 'boolean',
    meaning: 'True where the base stores its weight as inputs × outputs, as the Conv1D of GPT-2 does.',
  },
  bias: { type: 'string', values: ['none', 'all', 'lora_only'], meaning: 'Which biases were trained too.' },
  lora_bias: { type: 'boolean', meaning: 'Whether lora_B has a bias of its own.' },
  modules_to_save: {
    type: 'names',
    meaning: 'Modules that were trained whole and are stored with the adapter.',
  },
  layers_to_transform: { type: 'integers', meaning: 'Numbers of the only layers that get an adapter.' },
  layers_pattern: {
    type: 'name-or-names',
    meaning: 'Name of the list of layers, for layers_to_transform; usually "layers" or "h".',
  },
  target_parameters: { type: 'names', meaning: 'Parameters, rather than modules, that get an adapter.' },
  layer_replication: {
    type: 'anything',
    meaning: 'Ranges of layers that are stacked anew, each with its own adapter.',
  },
  trainable_token_indices: { type: 'anything', meaning: 'Rows of the embedding that were trained.' },
  init_lora_weights: { type: 'anything', meaning: `How the factors were initialised. ${DEVELOPER}` },
  lora_dropout: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    meaning: `Share of inputs dropped before A while training. ${DEVELOPER}`,
  },
  task_type: {
    type: 'string',
    meaning: 'What the model is for, e.g. CAUSAL_LM; decides which class wraps it.',
  },
  inference_mode: { type: 'boolean', meaning: 'Whether the adapter is loaded frozen.' },
  revision: { type: 'string', meaning: 'Revision of the base on the hub.' },
  auto_mapping: { type: 'object', meaning: 'Class of a base that is not a known transformers model.' },
  peft_version: { type: 'string', meaning: 'The version of PEFT that wrote this file.' },
  megatron_config: { type: 'object', meaning: 'Configuration of Megatron’s parallel layers.' },
  megatron_core: { type: 'string', meaning: 'Module that Megatron is imported from.' },
  loftq_config: { type: 'object', meaning: `LoftQ initialisation. ${DEVELOPER}` },
  eva_config: { type: 'object', meaning: `EVA initialisation. ${DEVELOPER}` },
  corda_config: { type: 'object', meaning: `CorDA initialisation. ${DEVELOPER}` },
  lora_ga_config: { type: 'object', meaning: `LoRA-GA initialisation. ${DEVELOPER}` },
  kasa_config: { type: 'object', meaning: 'KaSA: a learnable diagonal between A and B.' },
  velora_config: {
    type: 'object',
    meaning: `VeLoRA: compressed activations in the backward pass. ${DEVELOPER}`,
  },
  monteclora_config: { type: 'object', meaning: 'Monte Carlo sampling on top of the factors.' },
  arrow_config: { type: 'object', meaning: 'Routing among several adapters.' },
  runtime_config: { type: 'object', meaning: 'Settings of the running process; never saved by PEFT itself.' },
  use_bdlora: { type: 'anything', meaning: 'Block-diagonal factors.' },
  use_qalora: { type: 'boolean', meaning: 'QALoRA: inputs are pooled in groups before A.' },
  qalora_group_size: { type: 'integer', minimum: 1, meaning: 'Group size of QALoRA.' },
  alora_invocation_tokens: {
    type: 'anything',
    meaning: 'Activated LoRA: the tokens after which the adapter acts.',
  },
  ensure_weight_tying: { type: 'boolean', meaning: 'Whether adapters of tied layers are tied too.' },
  enable_lora: { type: 'anything', meaning: 'Written by early versions of PEFT; no longer read.' },
  merge_weights: { type: 'boolean', meaning: 'Written by early versions of PEFT; no longer read.' },
};

/** Other names under which people write a field; never guessed by spelling, since they are too far away. */
export const FIELD_ALIASES: Readonly<Record<string, string>> = {
  rank: 'r',
  lora_r: 'r',
  lora_rank: 'r',
  alpha: 'lora_alpha',
  dropout: 'lora_dropout',
  rslora: 'use_rslora',
  dora: 'use_dora',
  base_model: 'base_model_name_or_path',
  base_model_name: 'base_model_name_or_path',
  target_module: 'target_modules',
};

/** Kinds of adapters that PEFT knows (`peft/utils/peft_types.py`). */
export const PEFT_TYPES: readonly string[] =
  `LORA ADALORA ADAMSS BOFT ADAPTION_PROMPT IA3 BEFT LILY LOHA LOKR OFT POLY LN_TUNING VERA FROD PVERA FOURIERFT GLORA
   XLORA HRA VBLORA UNILORA CPT MISS BONE RANDLORA ROAD TRAINABLE_TOKENS HIRA SHIRA C3A WAVEFT OSF DELORA GRALORA
   CARTRIDGE TINYLORA PSOFT PEANUT SUPERTUNING DEFT PROMPT_TUNING MULTITASK_PROMPT_TUNING P_TUNING PREFIX_TUNING`.split(
    /\s+/,
  );
