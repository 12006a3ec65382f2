import type { DtypeName } from './dtype';

/** Where the values of one tensor lie on disk: little-endian, C order, contiguous. Plain data, so a worker can have it. */
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
}
