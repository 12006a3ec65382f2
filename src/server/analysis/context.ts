import type { Checkpoint } from '../../format/checkpoint';
import type { LensResult } from '../../protocol/artifact';
import type { Result } from '../../protocol/result';
import type { PassRunner } from '../../tensor/pass';
import type { ContentHashes } from './content-hash';
import type { ResultCache } from './result-cache';

/** Opens the directories of checkpoints, perhaps out of a cache. */
export interface Directories {
  /** Fails as `openCheckpoint` does. */
  open(file: string): Promise<Result<Checkpoint>>;
}

/** What surrounds the handling of one request. The caches outlive it. */
export interface AnalysisContext {
  readonly passes: PassRunner;
  readonly directories: Directories;
  readonly results: ResultCache;
  /** Hashes of whole files, where results are to be told apart by them; `null`: by size, time and header. */
  readonly contents: ContentHashes | null;
  readonly signal: AbortSignal;
  /** Bytes a lens may hold at once. */
  readonly memoryBudget: number;
  /** Checkpoints with more bytes of tensor data than this are not scanned for NaN and ±Inf. */
  readonly scanLimit: number;
  /** Bytes that a request may fetch from the Hub before its user is asked; `null`: as many as it takes. */
  readonly askAbove: number | null;
  /** Absolute paths of checkpoints known in the workspace. */
  readonly known: readonly string[];
  /** `fraction` is 0..1. */
  progress(fraction: number, message: string): void;
  log(message: string): void;
  /** Hands on what a lens has so far; `null`: nobody looks at it. `make` is called when it is time for another. */
  readonly partial: ((make: () => LensResult) => void) | null;
}

/** Half of the 1 GiB that the whole process may take; directories and results share the rest. */
export const MEMORY_BUDGET = 512 * 2 ** 20;
