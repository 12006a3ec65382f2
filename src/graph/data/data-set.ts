import type { DataOptions } from '../../protocol/data';
import type { Result } from '../../protocol/result';
import type { ElementType } from '../../format/onnx/element-types';
import type { TensorValue } from '../tensor-value';

/** One named array of a data set. */
export interface DataArray {
  readonly name: string;
  readonly type: ElementType;
  /**
   * The first size counts samples, unless the array is the same for all of them; `[]` for a single number. `null` where
   * the size differs from sample to sample.
   */
  readonly shape: readonly (number | null)[];
  /** Written in decimal digits: rounding to a floating-point type is how such numbers are read. */
  readonly decimal?: true;
  /** Shorter samples are filled up to the longest of a batch, or to the length that is asked for. */
  readonly padded?: true;
}

/** An array that is there, and why its values cannot be had. */
export interface UnreadableArray {
  readonly name: string;
  readonly reason: string;
}

/** How rows are read. */
export interface RowOptions {
  readonly signal?: AbortSignal;
  /** The length that padded arrays get; the longest of the rows unless given. Longer samples are cut. */
  readonly length?: number;
}

/** Named arrays over samples. Opening one reads its directory; values are read where rows are asked for. */
export interface DataSet {
  readonly path: string;
  /** `npz`, `safetensors`, ... as the registry has it. */
  readonly format: string;
  /** Changes when the file does. */
  readonly fingerprint: string;
  readonly arrays: readonly DataArray[];
  readonly unreadable: readonly UnreadableArray[];
  /** The labels are the inputs themselves: position t is to be scored against label t + 1. */
  readonly labelsAreInputs?: true;
  /**
   * Rows `indices` of the arrays `names`, stacked along the first axis in the order of `indices`; a single number (shape
   * `[]`) is given whole. Ascending indices are cheapest. Fails with `data-array-missing`, `data-sample-range`,
   * `data-ragged`, `data-malformed`, `data-too-large`, `cancelled`, or as reading the file does.
   */
  rows(
    names: readonly string[],
    indices: readonly number[],
    options?: RowOptions,
  ): Promise<Result<ReadonlyMap<string, TensorValue>>>;
}

/** A format of data files. One file each, registered in `registry.ts`. */
export interface DataFormat {
  /** Kebab-case. */
  readonly id: string;
  readonly title: string;
  /** File name endings, lower case. */
  readonly endings: readonly string[];
  /** Reads and checks the directory of a file. What belongs to the model (a tokenizer) is looked for in the folders `near`. */
  open(path: string, options: DataOptions, near: readonly string[]): Promise<Result<DataSet>>;
}
