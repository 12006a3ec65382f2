import type { Finding } from '../protocol/finding';
import type { HubOrigin } from '../protocol/hub-address';
import type { FormatDescription } from '../protocol/requests';
import type { Result } from '../protocol/result';
import type { TensorSpan } from '../tensor/span';

/** One named tensor and where its values lie. */
export interface TensorEntry {
  readonly name: string;
  readonly span: TensorSpan;
  /** The tensors that a quantised weight is stored as, where it is more than one; the first holds its codes. */
  readonly parts?: readonly TensorEntry[];
}

/** A checkpoint's directory: everything but the values. */
export interface Checkpoint {
  /** The file or folder that was opened, absolute. */
  readonly path: string;
  /** `safetensors`, `safetensors (sharded)`. */
  readonly container: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly modifiedMs: number }[];
  /** In file order, shard by shard. */
  readonly tensors: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Hash of header bytes, sizes and modification times: changes when the file does. */
  readonly fingerprint: string;
  /** What is odd but readable. */
  readonly findings: readonly Finding[];
  /** Where it is a copy of a model on the Hub. */
  readonly origin?: HubOrigin;
}

/** A container format: recognises a path and reads its directory. One file each, registered in `registry.ts`. */
export interface Format {
  readonly description: FormatDescription;
  /** Whether this looks like ours, by content; reads a few bytes at most. */
  recognises(path: string): Promise<boolean>;
  /** Reads and checks the directory. Never reads tensor data. */
  open(path: string): Promise<Result<Checkpoint>>;
}
