import type { Table } from './artifact';
import type { Finding } from './finding';

/** What is to be written, and from what. Paths are absolute. */
export type WriteAction = ConvertAction | BakeAction | ResizeAction | ExtractAction | LayoutAction;

/** A checkpoint as safetensors, its values as they are. */
export interface ConvertAction {
  readonly kind: 'convert';
  readonly path: string;
  readonly metadata: 'keep' | 'strip';
  /** Tensors that share their values: written `once`, or `each` by itself. */
  readonly tied: 'once' | 'each';
  /** Quantised weights as the values they stand for, in float32, not as they are stored. */
  readonly dequantise?: boolean;
  /** Larger checkpoints become shards; `null`: never. */
  readonly mostShardBytes: number | null;
}

/** A base with the change of an adapter (or of anything else that has a task vector) added. */
export interface BakeAction {
  readonly kind: 'bake';
  readonly base: string;
  readonly adapter: string;
  /** Factor on the change; 1 is the adapter as trained. */
  readonly weight: number;
  readonly mostShardBytes: number | null;
}

/** How the rank of a module is chosen: the same for all, or as small as keeps so much. */
export type RankChoice =
  | { readonly by: 'rank'; readonly rank: number }
  /** The smallest rank with Σ_{i≤r}σ² ≥ `energy`·Σσ², `most` at most. */
  | { readonly by: 'energy'; readonly energy: number; readonly most: number | null }
  /** The smallest rank with ‖ΔW − ΔW_r‖_F ≤ `error`·‖ΔW‖_F, `most` at most. */
  | { readonly by: 'error'; readonly error: number; readonly most: number | null };

export type FactorDtype = 'keep' | 'F32' | 'F16' | 'BF16';

/** An adapter with smaller ranks. */
export interface ResizeAction {
  readonly kind: 'resize';
  readonly path: string;
  /** Tells how modules are called where the adapter writes underscores for dots. */
  readonly base: string | null;
  readonly choice: RankChoice;
  readonly dtype: FactorDtype;
}

/** A LoRA of what a fine-tune changed. */
export interface ExtractAction {
  readonly kind: 'extract';
  readonly base: string;
  readonly path: string;
  readonly choice: RankChoice;
  readonly dtype: FactorDtype;
  /** Whether norms, embeddings and biases that changed are saved whole. */
  readonly saveRest: boolean;
}

/** In whose naming an adapter can be written. */
export const WRITTEN_LAYOUTS = ['peft', 'kohya', 'diffusers', 'mlx'] as const;
export type WrittenLayout = (typeof WRITTEN_LAYOUTS)[number];

/** A LoRA under the names of another library. */
export interface LayoutAction {
  readonly kind: 'layout';
  readonly path: string;
  /** Tells how modules are called where the adapter writes underscores for dots. */
  readonly base: string | null;
  readonly layout: WrittenLayout;
}

export interface WriteSpec {
  readonly action: WriteAction;
  /** What is made: a folder, or a file where the name ends with `.safetensors`. Must not be there. */
  readonly output: string;
  /** Computes and reports all, writes nothing. */
  readonly dryRun: boolean;
}

/** What was written, or would be. */
export interface WriteReport {
  readonly action: WriteAction;
  readonly output: string;
  readonly written: boolean;
  /** The file to open. */
  readonly opens: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly tensors: number;
  /** One sentence for people. */
  readonly summary: string;
  /** What happened to each module or tensor; the first is the main one. */
  readonly tables: readonly Table[];
  readonly findings: readonly Finding[];
  readonly elapsedMs: number;
}
