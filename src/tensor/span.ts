import type { DtypeName } from './dtype';

/** Where the values of one tensor lie on disk (or in memory): little-endian, C order, contiguous. Plain data, so a worker can have it. */
export interface TensorSpan {
  /** Absolute path. */
  readonly path: string;
  /** Absolute byte offset in the file. */
  readonly offset: number;
  readonly bytes: number;
  readonly dtype: DtypeName;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly count: number;
  /** The bytes themselves, for a tensor that was formed and is in no file; `path` then only names it, once for all. */
  readonly memory?: SharedArrayBuffer;
}
