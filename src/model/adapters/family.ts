import type { TensorEntry } from '../../format/checkpoint';
import type { Result } from '../../protocol/result';
import type { LowRankDelta } from '../../tensor/pass';
import type { ModelCode } from '../finding-codes';

/**
 * One way in which an adapter says how a weight changes: LoRA, LoHa, (IA)³ and so on. One file each, registered in
 * `registry.ts`. A family knows the endings of its tensors' names, and makes of the tensors of one module what changes there.
 */
export interface AdapterFamily {
  /** Kebab-case, stable. */
  readonly id: string;
  /** As people call it. */
  readonly title: string;
  /** Paper or library in which it is defined. */
  readonly source: string;
  /** What its tensors are called, after the module. */
  readonly endings: readonly Ending[];
  /**
   * What the tensors of one module change; `null` where they are not those of this family. Reads nothing: names and shapes
   * decide. What cannot be formed is a refusal with its reason.
   */
  describe(tensors: ModuleTensors, rules: AdapterRules): readonly Described[] | null;
}

/** An ending of tensor names and the part that such a tensor is. */
export interface Ending {
  /** `lora_A.weight`; the adapter's own name may stand between its two pieces, or after it. */
  readonly text: string;
  /** `a`, `b`, `magnitude`, ...; parts with the same name are the same thing in every family. */
  readonly part: string;
  readonly layout: Layout;
  /** Only after kohya's flattened names: after dotted ones it is a parameter of the base. */
  readonly flattened?: boolean;
}

/** Who writes names like that. */
export type Layout =
  | 'PEFT'
  | 'loralib'
  | 'kohya'
  | 'diffusers'
  | 'LyCORIS'
  | 'MLX'
  | 'cloneofsimo'
  | 'LoRA-SAM'
  | 'GGUF'
  | 'AdapterHub'
  | 'T-Few';

/** The tensors of one module of an adapter. */
export interface ModuleTensors {
  readonly key: ModuleKey;
  readonly parts: ReadonlyMap<string, TensorEntry>;
}

/** How an adapter names a module. */
export interface ModuleKey {
  /** Without wrappers' prefixes: `model.layers.0.mlp.fc1`, `text_model_encoder_layers_0_mlp_fc1`, `3`. */
  readonly module: string;
  /**
   * `dotted`: the base's own name. `flattened`: the same with underscores for dots (kohya). `anonymous`: a number in a list.
   */
  readonly style: 'dotted' | 'flattened' | 'anonymous';
  /** The part of a pipeline that it names: `unet`, `text_encoder`; empty where it names none. */
  readonly component: string;
}

/** What is known of an adapter beside its tensors. */
export interface AdapterRules {
  /** Rank, alpha and scale of a module whose tensors have this rank. */
  scaleOf(tensors: ModuleTensors, storedRank: number): TargetScale;
  /** The value of a tensor of one element that was read when the adapter was opened; `null` where it was not. */
  scalar(entry: TensorEntry | undefined): number | null;
  /** A tensor that all modules share, by its part. */
  shared(part: string): TensorEntry | undefined;
  /** A field of the configuration as written; `undefined` where there is none. */
  field(name: string): unknown;
}

export interface TargetScale {
  /** The rank by which is scaled: the configured one, else that of the tensors. */
  readonly rank: number;
  readonly alpha: number;
  readonly scale: number;
}

/** What becomes of the tensors of a module. */
export type Described = AdapterTarget | Refusal;

/** Tensors that give no task vector, and why. */
export interface Refusal {
  readonly kind: 'refused';
  readonly title: string;
  readonly module: string;
  readonly code: ModelCode;
  /** A sentence without its full stop, beginning in lower case. */
  readonly reason: string;
  readonly tensors: readonly TensorEntry[];
}

/** How one parameter of one module changes. */
export interface AdapterTarget {
  readonly kind: 'target';
  /** `LoRA`, `DoRA`, `LoHa`, ... */
  readonly title: string;
  readonly key: ModuleKey;
  /** {@link ModuleKey.module}. */
  readonly module: string;
  readonly parameter: 'weight' | 'bias';
  /** Nothing is missing where the base does not have it. */
  readonly optional?: boolean;
  /** The rank by which is scaled; `null` where there is none. */
  readonly rank: number | null;
  /** The rank that the tensors have. */
  readonly storedRank: number | null;
  readonly alpha: number | null;
  readonly scale: number;
  readonly tensors: readonly TensorEntry[];
  /** Rows and columns of ΔW, as torch's Linear has them and a convolution with its kernel unrolled; `null`: any. */
  readonly shape: MatrixShape | null;
  /** An embedding's factors, which PEFT stores transposed. */
  readonly embedding: boolean;
  readonly recipe: DeltaRecipe;
}

export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
}

/** How ΔW comes of the tensors. */
export type DeltaRecipe =
  /** `scale · B · A`, or its transpose where `turned`; `a` is r × n and `b` is m × r, as they lie on disk. */
  | { readonly kind: 'product'; readonly a: TensorEntry; readonly b: TensorEntry; readonly turned: boolean }
  | FactoredRecipe
  /** θ formed from θ₀ and the parts; the scale is in it. */
  | FormedRecipe
  | SizedRecipe;

/** Factors whose size only the base tells. */
export interface SizedRecipe {
  readonly kind: 'sized';
  /** Why the parts do not fit a weight of this shape (torch's orientation); `null` where they do. */
  mismatch(shape: readonly number[]): string | null;
  /** The recipe for a weight of a shape that fits. */
  at(shape: readonly number[]): FactoredRecipe;
}

/** A recipe that depends on no shape. */
export type SettledRecipe = Exclude<DeltaRecipe, SizedRecipe>;

/** Factors formed from the parts; the scale is put in afterwards. */
export interface FactoredRecipe {
  readonly kind: 'factored';
  readonly rank: number;
  readonly parts: ReadonlyMap<string, TensorEntry>;
  factors(values: PartValues): Factors;
  /** ΔW without scale, row-major, for a rank so high that forming it costs less than its factors do. */
  product?(values: PartValues): Float64Array;
}

export interface FormedRecipe {
  readonly kind: 'formed';
  readonly parts: ReadonlyMap<string, TensorEntry>;
  /** Why the parts do not fit a weight of this shape (torch's orientation); `null` where they do. */
  mismatch(shape: readonly number[]): string | null;
  /** θ, of θ₀'s shape and in torch's orientation, both in C order; a failure where the numbers do not allow it. */
  form(values: PartValues, base: Float64Array, shape: readonly number[]): Result<Float64Array>;
}

/** `b · a` without scale: b is rows × rank, a is rank × columns, row-major. */
export type Factors = Omit<LowRankDelta, 'scale'>;

/** Values of the parts of a module, read as float64. */
export type PartValues = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly values: Float64Array }
>;

/** Rows and columns of a tensor taken as a matrix, first dimension × the rest. */
export function matrixOf({ span }: TensorEntry): MatrixShape {
  const [rows = 1] = span.shape;
  return { rows, columns: rows > 0 ? span.count / rows : 0 };
}
