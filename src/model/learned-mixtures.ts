import type { TensorEntry } from '../format/checkpoint';

/** How stored numbers become weights. */
export type Weighing =
  /** Sigmoid, then over their sum over the skills (Polytropon, MHR). */
  | 'normalised sigmoid'
  | 'softmax'
  /** exp(−s) of a log-variance. */
  | 'inverse variance'
  /** As they are. */
  | 'none';

/** Stored weights by which tasks, layers or parts are mixed. */
export interface MixtureTable {
  readonly kind: string;
  /** The module it belongs to; empty for a whole model. */
  readonly module: string;
  /** One for each tensor where several make one table, each a row. */
  readonly entries: readonly TensorEntry[];
  readonly rows: number;
  /** Groups of columns that are normalised on their own: splits of MHR. */
  readonly splits: number;
  /** Columns of one split. */
  readonly columns: number;
  readonly weighing: Weighing;
  readonly rowTitle: string;
  readonly columnTitle: string;
}

/** Skills of a module of Polytropon: A is splits × skills × inputs/splits × r, B splits × skills × r × outputs/splits. */
export interface SkillFactors {
  readonly module: string;
  readonly a: TensorEntry;
  readonly b: TensorEntry;
  readonly splits: number;
  readonly skills: number;
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Matrices of an attention over adapters. */
export interface FusionLayer {
  readonly module: string;
  readonly query: TensorEntry | null;
  readonly key: TensorEntry | null;
  readonly value: TensorEntry | null;
}

/** Rows of a gate that looks at the input: one for each expert or adapter. */
export interface GateRows {
  readonly module: string;
  readonly kind: string;
  readonly weight: TensorEntry;
  readonly bias: TensorEntry | null;
}

/** All learned mixtures of a checkpoint. */
export interface LearnedMixtures {
  readonly tables: readonly MixtureTable[];
  readonly skills: readonly SkillFactors[];
  readonly fusions: readonly FusionLayer[];
  readonly gates: readonly GateRows[];
}

const MODULE_LOGITS = /^(.*?)\.?(?:poly_router|selector)(?:\.[^.]+)?\.module_logits$/;
const FACTOR = /^(.*?)\.?poly_lora_([AB])(?:\.[^.]+)?$/;
const FUSION = /^(.*adapter_fusion_layer\.[^.]+)\.(query|key|value)(?:\.weight)?$/;
const XLORA = /^(?:.*\.)?(?:internal_xlora_classifier\.)?last\.weight$/;
const LORA_GATE =
  /^(.*)\.(?:lora_(?:router?|route|gate)|moe_router|router\.ff_layer|mole_router)(?:\.weight)?$/;
const LOG_VARIANCE = /(?:^|[._])log_?(?:vars?|variances?|sigmas?(?:_?sq(?:uared)?)?)(?:\.\d+)?$/i;
const LAYER_MIX =
  /(?:^|\.)(?:layer_weights|layerwise_weights|featurizer\.weights|scalar_mix\.weights?|scalar_parameters\.\d+)$/;
const COEFFICIENTS = /(?:^|\.)(?:lambdas(?:_raw)?|merging_coefficients|task_coefficients)$/;

/**
 * Finds what mixes by learned weights: Polytropon and MHR (as PEFT and mttl store them), AdapterFusion, X-LoRA's and other gates,
 * log-variances of losses, weights of layers, and tables of merging coefficients. By names and shapes; reads nothing.
 */
export function learnedMixtures(
  tensors: readonly TensorEntry[],
  fields: ReadonlyMap<string, unknown>,
): LearnedMixtures {
  const skills = skillFactors(tensors);
  return {
    tables: [
      ...tensors.flatMap((entry) => allocation(entry, skills, fields)),
      ...tensors.flatMap(coefficientTable),
      ...vectorTable(tensors, LOG_VARIANCE, 'weights of losses', 'inverse variance', 'loss'),
      ...vectorTable(tensors, LAYER_MIX, 'weights of layers', 'softmax', 'layer'),
    ],
    skills,
    fusions: fusionLayers(tensors),
    gates: tensors.flatMap((entry) => gateRows(entry, tensors)),
  };
}

/** Whether there is any. */
export function hasMixtures({ tables, skills, fusions, gates }: LearnedMixtures): boolean {
  return tables.length + skills.length + fusions.length + gates.length > 0;
}

function skillFactors(tensors: readonly TensorEntry[]): SkillFactors[] {
  const byModule = new Map<string, { A?: TensorEntry; B?: TensorEntry }>();
  for (const entry of tensors) {
    const [, module = '', side] = FACTOR.exec(entry.name) ?? [];
    if (side !== 'A' && side !== 'B') continue;
    byModule.set(module, { ...byModule.get(module), [side]: entry });
  }
  return [...byModule].flatMap(([module, { A: a, B: b }]): SkillFactors[] => {
    const [splits = 0, skills = 0, inputs = 0, rank = 0] = a?.span.shape ?? [];
    const [ownSplits, ownSkills, ownRank, outputs = 0] = b?.span.shape ?? [];
    const fits = a?.span.shape.length === 4 && splits === ownSplits && skills === ownSkills;
    if (!a || !b || !fits || rank !== ownRank) return [];
    return [
      {
        module: bare(module),
        a,
        b,
        splits,
        skills,
        rank,
        inputs: inputs * splits,
        outputs: outputs * splits,
      },
    ];
  });
}

/** tasks × (splits · skills). How the columns split up is in the factors of its module, else in the configuration. */
function allocation(
  entry: TensorEntry,
  skills: readonly SkillFactors[],
  fields: ReadonlyMap<string, unknown>,
): MixtureTable[] {
  const [, written = ''] = MODULE_LOGITS.exec(entry.name) ?? [];
  const [rows = 0, width = 0] = entry.span.shape;
  if (!MODULE_LOGITS.test(entry.name) || entry.span.shape.length !== 2) return [];
  const module = bare(written);
  const own = skills.find((each) => each.module === module);
  const configured = Number(fields.get('n_splits') ?? 1);
  const splits = own?.splits ?? (width % configured === 0 ? configured : 1);
  return [
    {
      kind: splits > 1 ? 'MHR' : 'Polytropon', module, entries: [entry], rows, splits, columns: width / splits,
      weighing: 'normalised sigmoid', rowTitle: 'task', columnTitle: 'skill',
    },
  ]; // prettier-ignore
}

function coefficientTable(entry: TensorEntry): MixtureTable[] {
  const { shape } = entry.span;
  if (!COEFFICIENTS.test(entry.name) || shape.length !== 2) return [];
  const [rows = 0, columns = 0] = shape;
  return [
    {
      kind: 'merging coefficients', module: '', entries: [entry], rows, splits: 1, columns,
      weighing: 'none', rowTitle: 'tensor', columnTitle: 'task vector',
    },
  ]; // prettier-ignore
}

/** Single numbers under numbered names, or vectors: one row. */
function vectorTable(
  tensors: readonly TensorEntry[],
  names: RegExp,
  kind: string,
  weighing: Weighing,
  columnTitle: string,
): MixtureTable[] {
  const found = tensors.filter(
    ({ name, span }) => names.test(name) && span.shape.filter((size) => size > 1).length <= 1,
  );
  const groups = new Map<string, TensorEntry[]>();
  for (const entry of found) {
    const module = entry.span.count === 1 ? entry.name.replace(/\.\d+$/, '') : entry.name;
    groups.set(module, [...(groups.get(module) ?? []), entry]);
  }
  return [...groups].map(([module, entries]) => ({
    kind, module, entries, rows: 1, splits: 1, columns: entries.reduce((sum, { span }) => sum + span.count, 0),
    weighing, rowTitle: 'module', columnTitle,
  })); // prettier-ignore
}

function fusionLayers(tensors: readonly TensorEntry[]): FusionLayer[] {
  const layers = new Map<string, Partial<Record<string, TensorEntry>>>();
  for (const entry of tensors) {
    const [, module, part] = FUSION.exec(entry.name) ?? [];
    if (module === undefined || part === undefined || entry.span.shape.length !== 2) continue;
    layers.set(module, { ...layers.get(module), [part]: entry });
  }
  return [...layers].map(([module, { query = null, key = null, value = null }]) => ({
    module,
    query,
    key,
    value,
  }));
}

function gateRows(entry: TensorEntry, tensors: readonly TensorEntry[]): GateRows[] {
  const xlora =
    XLORA.test(entry.name) &&
    tensors.every(({ name }) => /(?:^|\.)(?:last|inner\.\d+)\./.test(name) || /lora_/.test(name));
  const gate = LORA_GATE.exec(entry.name);
  if (entry.span.shape.length !== 2 || (!xlora && !gate)) return [];
  const bias = tensors.find(({ name }) => name === entry.name.replace(/weight$/, 'bias')) ?? null;
  return [
    {
      module: xlora ? 'classifier' : bare(gate?.[1] ?? ''),
      kind: xlora ? 'X-LoRA' : 'gate of LoRAs',
      weight: entry,
      bias: bias === entry ? null : bias,
    },
  ];
}

function bare(module: string): string {
  return module.replace(/^(?:module\.)*(?:base_model\.model\.|base_model\.)?/, '');
}
