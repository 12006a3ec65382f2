import { dirname, resolve } from 'node:path';
import type { Finding } from '../protocol/finding';
import { ConfigFields } from './config-fields';
import { ModelFindings } from './model-findings';

/** How the rows of one fused tensor are shared out among query, key and value. */
export type FusedOrder =
  /** All queries, then all keys, then all values. */
  | 'blocks'
  /** Group by group: the queries that share a key, that key, its value. With as many keys as queries: head by head. */
  | 'groups'
  /** Four parts, each with its queries, values and keys (in this order), as CodeGen was trained on four devices. */
  | 'codegen';

/** How a model knows where a token stands. */
export type Positions = 'rotary' | 'alibi' | 'learned' | 'relative';

/** Attention of one part of a network. What a configuration does not say is `null`. */
export interface Stack {
  /** `model`, `vision`, `encoder`, `down_blocks.1`. */
  readonly label: string;
  /** Which tensor names belong to it; `null`: all that belong to no other stack. */
  readonly within: RegExp | null;
  readonly layers: number | null;
  readonly heads: number | null;
  readonly keyValueHeads: number | null;
  /** Columns of one head's query and key. */
  readonly headSize: number | null;
  readonly hiddenSize: number | null;
}

/** What the `config.json` beside the weights says of a model. What it does not say is `null`. */
export interface Architecture {
  /** Absolute path of the configuration. */
  readonly path: string;
  /** `LlamaForCausalLM (llama)` */
  readonly title: string | null;
  /** `llama` */
  readonly modelType: string | null;
  /** Absolute path that `_name_or_path` leads to; nothing needs to be there. */
  readonly startedFrom: string | null;
  /** The first whose `within` matches a tensor's name counts; see {@link stackOf}. */
  readonly stacks: readonly Stack[];
  readonly experts: number | null;
  readonly expertsPerToken: number | null;
  /** `null` also where names and shapes tell (see `fused-order.ts`). */
  readonly fusedOrder: FusedOrder | null;
  readonly positions: Positions | null;
  readonly tiedEmbeddings: boolean | null;
}

/** An architecture, and what in the configuration made no sense. */
export interface ReadArchitecture {
  readonly architecture: Architecture | null;
  readonly findings: readonly Finding[];
}

/** Keys of the same thing in the families of models, the first that is there counts. */
const HEADS = [
  'num_attention_heads',
  'n_head',
  'n_heads',
  'num_heads',
  'attention_heads',
  'num_attn_heads',
  'encoder_attention_heads',
];
const KEY_VALUE_HEADS = [
  'num_key_value_heads',
  'num_kv_heads',
  'n_head_kv',
  'n_kv_heads',
  'kv_n_heads',
  'num_query_groups',
];
const HEAD_SIZE = ['head_dim', 'd_kv', 'kv_channels', 'attention_head_size', 'attention_head_dim'];
const HIDDEN = ['hidden_size', 'n_embd', 'd_model', 'dim', 'embed_dim', 'model_dim', 'width'];
const LAYERS = [
  'num_hidden_layers',
  'n_layer',
  'n_layers',
  'num_layers',
  'encoder_layers',
  'depth',
  'num_blocks',
];
const EXPERTS = ['num_local_experts', 'n_routed_experts', 'num_experts', 'moe_num_experts', 'n_experts'];
const EXPERTS_PER_TOKEN = [
  'num_experts_per_tok',
  'num_experts_per_token',
  'experts_per_token',
  'moe_top_k',
  'top_k_experts',
];

/** Configurations inside the configuration, and the tensors that they speak of. */
const NESTED: readonly { readonly key: string; readonly label: string; readonly within: RegExp }[] = [
  {
    key: 'vision_config',
    label: 'vision',
    within: /(?:^|\.)(?:vision_model|vision_tower|visual|vision_encoder|vision)\./,
  },
  {
    key: 'audio_config',
    label: 'audio',
    within: /(?:^|\.)(?:audio_model|audio_tower|audio_encoder|speech_encoder)\./,
  },
  { key: 'qformer_config', label: 'qformer', within: /(?:^|\.)qformer\./ },
  { key: 'encoder', label: 'encoder', within: /^encoder\./ },
  { key: 'decoder', label: 'decoder', within: /^decoder\./ },
];
/** The language model of a composed one: what is in no other part. */
const TEXT_CONFIGS = ['text_config', 'llm_config', 'language_config'];

const ROTARY_KEYS = [
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'rotary_pct',
  'rotary_dim',
  'rotary_emb_base',
  'partial_rotary_factor',
  'rope_ratio',
];
const POSITIONS_OF_TYPE: Readonly<Record<string, Positions>> = {
  llama: 'rotary',
  mistral: 'rotary',
  gpt_neox: 'rotary',
  gptj: 'rotary',
  codegen: 'rotary',
  chatglm: 'rotary',
  baichuan: 'rotary',
  gpt2: 'learned',
  gpt_bigcode: 'learned',
  gpt_neo: 'learned',
  opt: 'learned',
  vit: 'learned',
  clip: 'learned',
  bart: 'learned',
  whisper: 'learned',
  distilbert: 'learned',
  bloom: 'alibi',
  t5: 'relative',
  mt5: 'relative',
  umt5: 'relative',
};

/**
 * Reads the parsed JSON of a `config.json` (Hugging Face, diffusers) or `params.json` (Llama as released); `path` is
 * for messages. Findings: `model-config-invalid` where it is no object, `model-config-field` where a field that
 * matters has a value of the wrong type. Unknown fields and architectures are fine.
 */
export function architectureFrom(json: unknown, path: string): ReadArchitecture {
  const findings = new ModelFindings(path);
  const fields = ConfigFields.of(json, findings);
  if (!fields) {
    findings.add('model-config-invalid', `${path} holds no JSON object.`);
    return { architecture: null, findings: findings.all() };
  }
  const text = TEXT_CONFIGS.map((key) => fields.nested(key)).find((nested) => nested !== null) ?? null;
  const modelType = fields.text('model_type');
  const architecture = {
    path,
    title: titleOf(fields, modelType),
    modelType,
    startedFrom: startedFrom(fields, path),
    stacks: stacksOf(fields, text),
    experts: countIn([fields, text, fields.nested('ffn_config')], EXPERTS),
    expertsPerToken: countIn([fields, text, fields.nested('ffn_config')], EXPERTS_PER_TOKEN),
    fusedOrder: fusedOrderOf(fields, modelType),
    positions: positionsOf(text ?? fields),
    tiedEmbeddings: fields.boolean('tie_word_embeddings') ?? text?.boolean('tie_word_embeddings') ?? null,
  };
  return { architecture, findings: findings.all() };
}

/** The part of the network to which a tensor belongs. */
export function stackOf({ stacks }: Architecture, tensorName: string): Stack | null {
  return stacks.find(({ within }) => within === null || within.test(tensorName)) ?? null;
}

function countIn(places: readonly (ConfigFields | null)[], keys: readonly string[]): number | null {
  for (const fields of places) {
    const found = fields?.count(keys) ?? null;
    if (found !== null) return found;
  }
  return null;
}

function titleOf(fields: ConfigFields, modelType: string | null): string | null {
  const architecture = fields.firstText('architectures') ?? fields.text('_class_name');
  if (architecture === null || modelType === null) return architecture ?? modelType;
  return `${architecture} (${modelType})`;
}

function startedFrom(fields: ConfigFields, path: string): string | null {
  const origin = fields.text('_name_or_path');
  return origin === null || origin.includes('\0') ? null : resolve(dirname(path), origin);
}

function stacksOf(fields: ConfigFields, text: ConfigFields | null): Stack[] {
  const nested = NESTED.flatMap(({ key, label, within }) => {
    const own = fields.nested(key);
    return own ? [stackFrom(own, label, within)] : [];
  });
  const main = text ?? fields;
  return [...nested, ...sidesOf(main), ...stagesOf(main), stackFrom(main, 'model', null)];
}

/** Encoder and decoder of BART, Whisper, T5: their sizes stand side by side in one configuration. */
function sidesOf(fields: ConfigFields): Stack[] {
  const whole = stackFrom(fields, 'model', null);
  const decoderLayers = fields.count(['decoder_layers', 'num_decoder_layers']);
  const decoderHeads = fields.count(['decoder_attention_heads']);
  if (decoderLayers === null && decoderHeads === null) return [];
  return [
    { ...whole, label: 'encoder', within: /(?:^|\.)encoder\./ },
    {
      ...whole,
      label: 'decoder',
      within: /(?:^|\.)decoder\./,
      layers: decoderLayers ?? whole.layers,
      heads: decoderHeads ?? whole.heads,
    },
  ];
}

/** Networks whose stages differ (U-Net, Swin) list one number of heads per stage. */
function stagesOf(fields: ConfigFields): Stack[] {
  const unet = isUnet(fields);
  const heads = fields.counts(unet ? [...HEADS, 'attention_head_dim'] : HEADS);
  if (!heads) return [];
  const whole = { ...stackFrom(fields, 'model', null), layers: null, hiddenSize: null };
  const stage = (label: string, own: number) => ({
    ...whole,
    label,
    within: new RegExp(`(?:^|\\.)${label.replace('.', '\\.')}\\.`),
    heads: own,
  });
  if (!unet) return heads.flatMap((own, at) => [stage(`layers.${at}`, own), stage(`stages.${at}`, own)]);
  return [
    ...heads.map((own, at) => stage(`down_blocks.${at}`, own)),
    ...heads.slice(-1).map((own) => stage('mid_block', own)),
    ...[...heads].reverse().map((own, at) => stage(`up_blocks.${at}`, own)),
  ];
}

function isUnet(fields: ConfigFields): boolean {
  return fields.has('down_block_types');
}

function stackFrom(fields: ConfigFields, label: string, within: RegExp | null): Stack {
  // The U-Nets of diffusers call the number of heads "attention_head_dim".
  const unet = isUnet(fields);
  const heads = fields.count(unet ? [...HEADS, 'attention_head_dim'] : HEADS);
  return {
    label,
    within,
    layers: fields.count(LAYERS),
    heads,
    keyValueHeads: keyValueHeadsOf(fields, heads),
    headSize: unet ? null : fields.count(HEAD_SIZE),
    hiddenSize: fields.count(HIDDEN),
  };
}

function keyValueHeadsOf(fields: ConfigFields, heads: number | null): number | null {
  if (fields.boolean('multi_query_attention') === true) return fields.count(['multi_query_group_num']);
  const isNewFalcon = fields.boolean('new_decoder_architecture') === true;
  if (fields.boolean('multi_query') === true && !isNewFalcon) return 1;
  if (fields.boolean('multi_query') === false && !isNewFalcon) return heads;
  return fields.count(KEY_VALUE_HEADS) ?? fields.nested('attn_config')?.count(KEY_VALUE_HEADS) ?? null;
}

function fusedOrderOf(fields: ConfigFields, modelType: string | null): FusedOrder | null {
  if (modelType === 'codegen') return 'codegen';
  if (modelType === 'chatglm') return fields.boolean('multi_query_attention') === true ? 'blocks' : 'groups';
  if (modelType === 'gpt_bigcode') return fields.boolean('multi_query') === false ? 'groups' : 'blocks';
  return null;
}

function positionsOf(fields: ConfigFields): Positions | null {
  const alibi = fields.boolean('alibi') ?? fields.nested('attn_config')?.boolean('alibi');
  if (alibi === true) return 'alibi';
  if (ROTARY_KEYS.some((key) => fields.has(key))) return 'rotary';
  const embedding = fields.text('position_embedding_type');
  if (embedding !== null) {
    if (embedding.startsWith('relative')) return 'relative';
    if (embedding === 'absolute') return 'learned';
    if (embedding.startsWith('rotary') || embedding.startsWith('rope')) return 'rotary';
  }
  return POSITIONS_OF_TYPE[fields.text('model_type') ?? ''] ?? null;
}
