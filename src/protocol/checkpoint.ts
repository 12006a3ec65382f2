import type { Finding } from './finding';
import type { HubOrigin } from './hub-address';

/** Counts of one dtype, or of one module, in a checkpoint. */
export interface Breakdown {
  readonly label: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** Tensors column by column, so that 200,000 of them cross a process border in one cheap message. Same length each. */
export interface TensorColumns {
  readonly name: readonly string[];
  readonly dtype: readonly string[];
  readonly shape: readonly (readonly number[])[];
  readonly parameters: readonly number[];
  readonly bytes: readonly number[];
  /** Index into `CheckpointView.files`. */
  readonly file: readonly number[];
  /** Absolute byte offset in that file. */
  readonly offset: readonly number[];
  readonly layer: readonly string[];
  readonly module: readonly string[];
}

/** What an adapter says of itself, beside its tensors. */
export interface AdapterSummary {
  /** `LoRA`, `rsLoRA`, `DoRA`, ... */
  readonly kind: string;
  /** In whose naming its tensors are: `PEFT`, `kohya`, `MLX`, ...; `null` where that does not matter. */
  readonly layout: string | null;
  readonly rank: string;
  readonly alpha: string;
  readonly scale: string;
  readonly targets: readonly string[];
  /** As written in the configuration. */
  readonly baseName: string | null;
  /** Absolute path of the base where it was found. */
  readonly basePath: string | null;
}

/** A checkpoint or adapter as the custom editor and `inspect` show it: directory only, no values read. */
export interface CheckpointView {
  readonly path: string;
  readonly name: string;
  readonly kind: 'checkpoint' | 'adapter';
  /** `safetensors`, `safetensors (sharded)`, ... */
  readonly container: string;
  readonly fingerprint: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly parameters: number;
  /** Bytes of tensor data, headers not counted. */
  readonly bytes: number;
  readonly tensorCount: number;
  readonly dtypes: readonly Breakdown[];
  readonly modules: readonly Breakdown[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where it is a copy of a model on the Hub. */
  readonly origin?: HubOrigin;
  /** From `config.json` beside it, where there is one: `model_type`, `architectures`. */
  readonly architecture: string | null;
  readonly adapter?: AdapterSummary;
  /** Set when the file is one shard of a larger model. */
  readonly shardOf?: { readonly indexPath: string; readonly shards: number };
  readonly tensors: TensorColumns;
  readonly findings: readonly Finding[];
}

/** Statistics of one tensor (of `θ`, or of `τ = θ − θ₀`), all in float64, over finite values; undefined is `null`. */
export interface TensorStatistics {
  readonly count: number;
  readonly mean: number | null;
  /** Divides by n. */
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly absmax: number | null;
  readonly l1: number | null;
  readonly l2: number | null;
  readonly zeros: number;
  readonly nan: number;
  readonly inf: number;
  /** The first few NaN or ±Inf entries, by multi-dimensional position. */
  readonly nonFinite: readonly {
    readonly position: readonly number[];
    readonly value: 'NaN' | '+Inf' | '-Inf';
  }[];
  readonly histogram: { readonly edges: readonly number[]; readonly counts: readonly number[] } | null;
}

/** What a click on a tensor shows. */
export interface TensorDetail {
  readonly tensor: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** What a quantised weight is stored as, a line for each tensor; missing where it is stored as itself. */
  readonly storage?: readonly string[];
  readonly statistics: TensorStatistics;
  /** `base` for the target of an adapter, whose own values are nowhere stored. */
  readonly statisticsOf: 'opened' | 'base';
  /** Statistics of the task vector's entry, where a base was given. */
  readonly delta: TensorStatistics | null;
}
