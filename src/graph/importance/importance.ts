import type { Result } from '../../protocol/result';

/** One tensor of importances: a number ≥ 0 for every weight. */
export interface ImportanceTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** All values in C order. Fails as reading does. */
  load(): Promise<Result<Float64Array>>;
}

/** Importances of weights that others computed: by name, read one by one. */
export interface Importance {
  readonly path: string;
  /** `moments`: the bias-corrected second moments of Adam, a stand-in for the Fisher information. */
  readonly kind: 'imported' | 'moments';
  readonly tensors: readonly ImportanceTensor[];
  /** Steps that the optimiser took; `null` where there is none. */
  readonly steps: number | null;
}
