import type { Study } from '../model/study';
import type { Artifact } from '../protocol/artifact';
import type { Finding } from '../protocol/finding';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import type { Result } from '../protocol/result';
import type { PassRunner } from '../tensor/pass';

/** What surrounds a run: progress, cancellation, a memory budget, worker passes and a logger. */
export interface LensContext {
  readonly passes: PassRunner;
  readonly signal: AbortSignal;
  /** Bytes a lens may hold at once, beside the workers' buffers. */
  readonly memoryBudget: number;
  /** `fraction` is 0..1. */
  progress(fraction: number, message: string): void;
  log(message: string): void;
  /**
   * Offers what there is so far, for long runs whose estimates refine: `make` is called now and then only, so offering costs
   * nothing. `basis` says what it rests on: `37 of 256 samples`.
   */
  partial?(basis: string, make: () => LensOutput): void;
}

export interface LensOutput {
  readonly artifacts: readonly Artifact[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/** One analysis. One file each, registered in `registry.ts`. */
export interface Lens {
  readonly description: LensDescription;
  run(study: Study, parameters: ParameterValues, context: LensContext): Promise<Result<LensOutput>>;
}
