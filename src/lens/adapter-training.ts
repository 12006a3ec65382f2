import type { Table, TableCell } from '../protocol/artifact';
import type { AdapterTask } from './adapter-tasks';
import { namesText } from './wording';

/** What an adapter says of its training, one fact a row. */
export interface TrainingFact {
  readonly field: string;
  readonly title: string;
  readonly value: string;
  readonly source: 'file metadata' | 'adapter_config.json' | 'trainer_state.json';
}

/** What fields of the metadata of kohya's trainer, of the model specification of Stability AI and of PEFT are called in words. */
const TITLES: Readonly<Record<string, string>> = {
  ss_sd_model_name: 'Base',
  ss_base_model_version: 'Version of the base',
  ss_sd_model_hash: 'Hash of the base (old)',
  ss_new_sd_model_hash: 'SHA-256 of the base',
  ss_output_name: 'Name',
  ss_network_module: 'Network',
  ss_network_dim: 'Rank',
  ss_network_alpha: 'Alpha',
  ss_network_args: 'Options of the network',
  ss_learning_rate: 'Learning rate',
  ss_unet_lr: 'Learning rate of the U-Net',
  ss_text_encoder_lr: 'Learning rate of the text encoder',
  ss_lr_scheduler: 'Schedule',
  ss_lr_warmup_steps: 'Warm-up steps',
  ss_optimizer: 'Optimiser',
  ss_num_epochs: 'Epochs planned',
  ss_epoch: 'Epoch',
  ss_steps: 'Step',
  ss_max_train_steps: 'Steps planned',
  ss_num_train_images: 'Training images',
  ss_num_reg_images: 'Regularisation images',
  ss_batch_size_per_device: 'Batch size',
  ss_total_batch_size: 'Batch size of all devices',
  ss_gradient_accumulation_steps: 'Gradient accumulation',
  ss_resolution: 'Resolution',
  ss_clip_skip: 'Clip skip',
  ss_seed: 'Seed',
  ss_mixed_precision: 'Precision',
  ss_training_started_at: 'Started',
  ss_training_finished_at: 'Finished',
  ss_training_comment: 'Comment',
  ss_tag_frequency: 'Most frequent tags (trigger words are among them)',
  ss_dataset_dirs: 'Image folders',
  ss_sd_scripts_commit_hash: 'Version of the trainer',
  'modelspec.title': 'Title',
  'modelspec.author': 'Author',
  'modelspec.architecture': 'Architecture',
  'modelspec.trigger_phrase': 'Trigger phrase',
  'modelspec.usage_hint': 'How to use it',
  'modelspec.description': 'Description',
  'modelspec.date': 'Date',
  'modelspec.license': 'Licence',
  'modelspec.resolution': 'Resolution',
  'modelspec.hash_sha256': 'SHA-256 of the weights',
  'modelspec.merged_from': 'Merged from',
  base_model_name_or_path: 'Base',
  peft_type: 'Kind',
  task_type: 'Task',
  r: 'Rank',
  lora_alpha: 'Alpha',
  lora_dropout: 'Dropout',
  rank_pattern: 'Ranks of single modules',
  alpha_pattern: 'Alphas of single modules',
  target_modules: 'Modules',
  exclude_modules: 'Modules left out',
  modules_to_save: 'Modules saved whole',
  layers_to_transform: 'Layers',
  init_lora_weights: 'Initialisation',
  use_rslora: 'Scaled by √r (rsLoRA)',
  use_dora: 'With magnitudes (DoRA)',
  bias: 'Biases trained',
  revision: 'Revision of the base',
  peft_version: 'Version of PEFT',
  fine_tune_type: 'Kind',
  lora_parameters: 'Rank, scale and dropout',
  learning_rate: 'Learning rate',
  iters: 'Steps',
};

/** Times in seconds since 1970. */
const TIMES: ReadonlySet<string> = new Set(['ss_training_started_at', 'ss_training_finished_at']);
/** Pictures and long lists of hashes, which nobody reads. */
const UNREAD =
  /^(?:modelspec\.thumbnail|sshs_|ss_bucket_info|(?:unet|text_encoder):\d|ss_reg_dataset_dirs|format$)/;
const LONGEST = 300;
const TAGS_SHOWN = 12;

/** What is known of how an adapter was trained: what it is called, with empty fields left out. */
export function trainingFacts({ task, adapter }: AdapterTask): TrainingFact[] {
  const metadata = Object.entries(task.checkpoint.metadata)
    .filter(([field]) => !UNREAD.test(field))
    .flatMap(([field, text]) => factOf(field, metadataText(field, text), 'file metadata'));
  const config = [...adapter.description.fields].flatMap(([field, value]) =>
    factOf(field, valueText(value), 'adapter_config.json'),
  );
  return [...named(metadata), ...named(config), ...trainerFacts(task.training)];
}

/** Fields with a title first, in the order of the titles. */
function named(facts: readonly TrainingFact[]): TrainingFact[] {
  const order = new Map(Object.keys(TITLES).map((field, at) => [field, at]));
  const at = ({ field }: TrainingFact) => order.get(field) ?? Infinity;
  return facts.toSorted((x, y) => (at(x) === at(y) ? 0 : at(x) - at(y)));
}

function factOf(field: string, value: string, source: TrainingFact['source']): TrainingFact[] {
  if (value === '') return [];
  return [{ field, title: TITLES[field] ?? field, value: shortened(value), source }];
}

function trainerFacts(training: AdapterTask['task']['training']): TrainingFact[] {
  if (!training) return [];
  const last = training.losses.findLast(({ loss }) => loss !== null);
  const evaluated = training.losses.findLast(({ evaluation }) => evaluation !== null);
  const fact = (field: string, title: string, value: number | null | undefined): TrainingFact[] =>
    value === null || value === undefined
      ? []
      : [{ field, title, value: String(value), source: 'trainer_state.json' }];
  return [
    ...fact('global_step', 'Step', training.step),
    ...fact('loss', 'Last training loss', last?.loss),
    ...fact('eval_loss', 'Last evaluation loss', evaluated?.evaluation),
  ];
}

function metadataText(field: string, text: string): string {
  if (text === '' || text === 'None' || text === 'null') return '';
  if (TIMES.has(field)) return dateText(Number(text)) ?? text;
  if (field === 'ss_tag_frequency') return tagsText(text);
  return text;
}

function dateText(seconds: number): string | null {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? null : time.toISOString().slice(0, 16).replace('T', ' ');
}

/** `{folder: {tag: count}}` as the most frequent tags of all folders; the text itself where it is not that. */
function tagsText(text: string): string {
  const counts = new Map<string, number>();
  for (const folder of Object.values(parsed(text))) {
    if (typeof folder !== 'object' || folder === null) continue;
    for (const [tag, count] of Object.entries(folder as Record<string, unknown>)) {
      if (typeof count === 'number') counts.set(tag.trim(), (counts.get(tag.trim()) ?? 0) + count);
    }
  }
  const tags = [...counts].sort((x, y) => y[1] - x[1]).map(([tag, count]) => `${tag} (${String(count)})`);
  return tags.length > 0 ? namesText(tags, TAGS_SHOWN) : text;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([key, own]) => `${key}: ${valueText(own)}`)
    .join(', ');
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** Training metadata in words, as stored beside. */
export function trainingTable(name: string, facts: readonly TrainingFact[], suffix: string): Table {
  return {
    kind: 'table',
    id: `training${suffix}`,
    title: `How it was trained · ${name}`,
    facets: { task: name },
    caption:
      'As the file and the configuration beside it say; nobody checks them. Long values are cut, pictures left out.',
    columns: [
      { name: 'title', title: 'What', type: 'text' },
      { name: 'value', title: 'Value', type: 'text' },
      { name: 'field', title: 'Field', type: 'text' },
      { name: 'source', title: 'From', type: 'text' },
    ],
    rows: facts.map(({ title, value, field, source }): TableCell[] => [title, value, field, source]),
  };
}
