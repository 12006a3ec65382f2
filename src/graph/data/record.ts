import type { Result } from '../../protocol/result';
import type { FileState } from './byte-range';

/** One named value of a record: a text, or numbers in C order. */
export type Field =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'numbers';
      readonly shape: readonly number[];
      readonly values: readonly number[];
      /** All written without a decimal point and exponent. */
      readonly whole: boolean;
    };

/** The named values of one sample. */
export type DataRecord = ReadonlyMap<string, Field>;

/** A file of one record per sample. */
export interface RecordFile {
  readonly file: FileState;
  readonly format: string;
  readonly count: number;
  /** The first record: its names, and as far as they do not differ its shapes, are those of all. */
  readonly first: DataRecord;
  /** Records by index. Fails with `data-sample-range`, `data-malformed`, or as reading the file does. */
  read(indices: readonly number[]): Promise<Result<readonly DataRecord[]>>;
}
