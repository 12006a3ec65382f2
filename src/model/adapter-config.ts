import { success, type Result } from '../protocol/result';
import { refuse } from './finding-codes';
import { readPattern } from './pattern';

/** What matters of an `adapter_config.json` of PEFT. Fields that are absent have PEFT's defaults. */
export interface AdapterConfig {
  /** Absolute path of the configuration. */
  readonly path: string;
  /** As written: `LORA`. */
  readonly peftType: string;
  /** As people call it: `LoRA`, `rsLoRA`, `DoRA`, `LoHa`. */
  readonly kind: string;
  /** Why no task vector can be formed, whatever the tensors are; `null` where nothing speaks against it. */
  readonly refusal: string | null;
  readonly rank: number;
  readonly alpha: number;
  /** In the order of the file: the first entry that matches a module counts. */
  readonly rankPattern: readonly PatternEntry[];
  readonly alphaPattern: readonly PatternEntry[];
  readonly rsLora: boolean;
  readonly fanInFanOut: boolean;
  /** `target_modules` as listed; a single expression is one entry. */
  readonly targets: readonly string[];
  readonly modulesToSave: readonly string[];
  /** `base_model_name_or_path`. */
  readonly baseName: string | null;
}

/** One entry of `rank_pattern` or `alpha_pattern`. */
export interface PatternEntry {
  readonly pattern: string;
  readonly value: number;
  matches(module: string): boolean;
}

/** Rank and scale of the task vector of one module. */
export interface ModuleScale {
  readonly rank: number;
  readonly alpha: number;
  /** `alpha / rank`; for rsLoRA `alpha / √rank`. */
  readonly scale: number;
}

const KINDS: Readonly<Record<string, string>> = {
  LORA: 'LoRA',
  ADALORA: 'AdaLoRA',
  LOHA: 'LoHa',
  LOKR: 'LoKr',
  IA3: 'IA³',
  OFT: 'OFT',
  BOFT: 'BOFT',
  VERA: 'VeRA',
  VBLORA: 'VB-LoRA',
  RANDLORA: 'RandLoRA',
  FOURIERFT: 'FourierFT',
  LN_TUNING: 'LayerNorm tuning',
  PROMPT_TUNING: 'prompt tuning',
  PREFIX_TUNING: 'prefix tuning',
  P_TUNING: 'P-tuning',
  POLY: 'Poly',
  XLORA: 'X-LoRA',
  HRA: 'HRA',
  MISS: 'MiSS',
  BONE: 'MiSS',
  DELORA: 'DeLoRA',
  ROAD: 'RoAd',
  C3A: 'C³A',
  GRALORA: 'GraLoRA',
  GLORA: 'GLoRA',
  WAVEFT: 'WaveFT',
  SHIRA: 'SHiRA',
  UNILORA: 'Uni-LoRA',
};

/** Where each kind that has a rank keeps it and its alpha, with PEFT's defaults. */
const SCALE_FIELDS: Readonly<
  Record<string, { rank: string; defaultRank: number; alpha: string; defaultAlpha: number }>
> = {
  LORA: { rank: 'r', defaultRank: 8, alpha: 'lora_alpha', defaultAlpha: 8 },
  ADALORA: { rank: 'init_r', defaultRank: 12, alpha: 'lora_alpha', defaultAlpha: 8 },
  LOHA: { rank: 'r', defaultRank: 8, alpha: 'alpha', defaultAlpha: 8 },
  LOKR: { rank: 'r', defaultRank: 8, alpha: 'alpha', defaultAlpha: 8 },
  RANDLORA: { rank: 'r', defaultRank: 32, alpha: 'randlora_alpha', defaultAlpha: 640 },
};

/** Initialisations that also change the base, so that `s·B·A` alone is not `θ − θ₀`. */
const BASE_CHANGING_STARTS = /^(?:pissa|olora|corda|loftq|lora_ga)/i;

/**
 * Reads an `adapter_config.json` from its text; `path` is for messages only. Fails with `json-syntax`,
 * `peft-type-missing` or `adapter-field-type`. What cannot be formed from any tensors carries a `refusal`.
 */
export function readAdapterConfig(text: string, path: string): Result<AdapterConfig> {
  const fields = readObject(text, path);
  if (!fields.ok) return fields;
  const peftType = fields.value.get('peft_type');
  if (typeof peftType !== 'string' || peftType === '') {
    return refuse('peft-type-missing', path, `${path}: "peft_type" is missing or not a text.`, 'peft_type');
  }
  const reader = new FieldReader(fields.value, path);
  const rsLora = reader.boolean('use_rslora');
  const dora = reader.boolean('use_dora');
  const type = peftType.toUpperCase();
  const fieldsOf = SCALE_FIELDS[type];
  const hasPatterns = type === 'LORA' || type === 'LOHA' || type === 'LOKR';
  const config: AdapterConfig = {
    path,
    peftType,
    kind: kindOf(peftType, rsLora, dora),
    refusal: type === 'LORA' ? refusalOf(fields.value) : null,
    rank: fieldsOf ? reader.positive(fieldsOf.rank, fieldsOf.defaultRank, true) : 0,
    alpha: fieldsOf ? reader.number(fieldsOf.alpha, fieldsOf.defaultAlpha) : 0,
    rankPattern: hasPatterns ? reader.patterns('rank_pattern', true) : [],
    alphaPattern: hasPatterns ? reader.patterns('alpha_pattern', false) : [],
    rsLora,
    fanInFanOut: reader.boolean('fan_in_fan_out'),
    targets: reader.texts('target_modules'),
    modulesToSave: reader.texts('modules_to_save'),
    baseName: reader.text('base_model_name_or_path'),
  };
  return reader.refusal ?? success(config);
}

/**
 * Rank, alpha and scale of one module, as PEFT looks them up: the first pattern for which `(.*\.)?(pattern)` is the
 * whole module name, else `r` and `lora_alpha`. LoRA (Hu et al. 2022) scales by alpha/r, rsLoRA (Kalajdzievski 2023)
 * by alpha/√r.
 */
export function scaleOf(config: AdapterConfig, module: string): ModuleScale {
  const rank = config.rankPattern.find((entry) => entry.matches(module))?.value ?? config.rank;
  const alpha = config.alphaPattern.find((entry) => entry.matches(module))?.value ?? config.alpha;
  return { rank, alpha, scale: alpha / (config.rsLora ? Math.sqrt(rank) : rank) };
}

function readObject(text: string, path: string): Result<ReadonlyMap<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('json-syntax', path, `${path} is not valid JSON: ${reason}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('json-syntax', path, `${path} holds no JSON object.`);
  }
  return success(new Map(Object.entries(value)));
}

function kindOf(peftType: string, rsLora: boolean, dora: boolean): string {
  const type = peftType.toUpperCase();
  if (type === 'LORA' && dora) return 'DoRA';
  if (type === 'LORA' && rsLora) return 'rsLoRA';
  return Object.hasOwn(KINDS, type) ? (KINDS[type] ?? peftType) : peftType;
}

function refusalOf(fields: ReadonlyMap<string, unknown>): string | null {
  if (fields.get('use_qalora') === true)
    return 'QA-LoRA pools its input, so the factors are not of the base’s shape.';
  if (isFilled(fields.get('layer_replication')))
    return 'layer_replication repeats layers that the base does not have.';
  if (isFilled(fields.get('target_parameters')))
    return 'target_parameters adapts stacked experts, which is not read yet.';
  const start = fields.get('init_lora_weights');
  if (typeof start === 'string' && BASE_CHANGING_STARTS.test(start)) {
    return `init_lora_weights "${start.slice(0, 40)}" changed the base too, so s·B·A is not θ − θ₀.`;
  }
  return null;
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** Reads fields one by one and remembers the first that has a wrong type. */
class FieldReader {
  refusal: Result<never> | null = null;

  constructor(
    private readonly fields: ReadonlyMap<string, unknown>,
    private readonly path: string,
  ) {}

  boolean(key: string): boolean {
    const value = this.fields.get(key) ?? false;
    if (typeof value !== 'boolean') this.refuse(key, 'true or false');
    return value === true;
  }

  number(key: string, otherwise: number): number {
    const value = this.fields.get(key) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.refuse(key, 'a number');
    return otherwise;
  }

  positive(key: string, otherwise: number, whole: boolean): number {
    const value = this.number(key, otherwise);
    if (value > 0 && (!whole || Number.isInteger(value))) return value;
    this.refuse(key, 'a whole number above 0');
    return otherwise;
  }

  text(key: string): string | null {
    const value = this.fields.get(key) ?? null;
    if (value !== null && typeof value !== 'string') this.refuse(key, 'a text');
    return typeof value === 'string' && value !== '' ? value : null;
  }

  /** A list of texts, or one text. */
  texts(key: string): readonly string[] {
    const value = this.fields.get(key) ?? [];
    if (typeof value === 'string') return [value];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.refuse(key, 'a list of texts');
    return [];
  }

  patterns(key: string, ranks: boolean): readonly PatternEntry[] {
    const value = this.fields.get(key) ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.refuse(key, 'an object of numbers');
      return [];
    }
    return Object.entries(value).flatMap(([pattern, number]: [string, unknown]) => {
      const fits = typeof number === 'number' && Number.isFinite(number);
      if (!fits || (ranks && !(Number.isInteger(number) && number > 0))) {
        this.refuse(`${key}.${pattern}`, ranks ? 'a whole number above 0' : 'a number');
        return [];
      }
      return this.entry(key, pattern, number);
    });
  }

  private entry(key: string, pattern: string, value: number): readonly PatternEntry[] {
    const alone = readPattern(pattern);
    const read = alone.kind === 'pattern' ? readPattern(`(.*\\.)?(${pattern})`) : alone;
    if (read.kind === 'pattern') {
      return [{ pattern, value, matches: (module) => module === pattern || read.matches(module) }];
    }
    this.refusal ??= refuse(
      'module-pattern-invalid',
      this.path,
      `${this.path}: the pattern "${pattern.slice(0, 80)}" of "${key}" cannot be read: ${read.reason}.`,
      `${key}.${pattern}`,
    );
    return [];
  }

  private refuse(key: string, wanted: string): void {
    this.refusal ??= refuse(
      'adapter-field-type',
      this.path,
      `${this.path}: "${key}" must be ${wanted}.`,
      key,
    );
  }
}
