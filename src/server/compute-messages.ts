import type { LensResult } from '../protocol/artifact';
import type { RequestName } from '../protocol/requests';
import type { Result } from '../protocol/result';
import type { CacheFolder } from './analysis/result-cache';

/** What the user has set, and what the server has learnt, as far as an analysis depends on it. */
export interface ComputeSettings {
  /** Bytes: checkpoints with more tensor data than this are not scanned for NaN and ±Inf. */
  readonly scanLimit: number;
  /** Absolute paths of checkpoints that the workspace holds. */
  readonly known: readonly string[];
  /** Where results of lenses are kept on disk; `null`: nowhere. */
  readonly cache: CacheFolder | null;
  /** The token of the editor's for the Hub, and a folder of its storage for copies; `null`: those of the environment. */
  readonly hub: { readonly token: string | null; readonly folder: string | null };
  /** Bytes that may be fetched from the Hub unasked; `null`: the editor does not say. */
  readonly askAbove: number | null;
  /** Whether inputs are told apart by all their bytes, not by size, modification time and header alone. */
  readonly hashContents: boolean;
}

/** How a request is to be treated; says nothing about what is asked. */
export interface RequestManner {
  /** Nobody waits for it: it gets one worker of its own and never holds up what somebody does wait for. */
  readonly background?: boolean;
  /** Bytes; in place of the scan limit of the settings. */
  readonly scanLimit?: number;
  /** Somebody looks at results that are not whole yet. */
  readonly partial?: boolean;
}

/** Server → compute process. */
export type ToCompute =
  | {
      readonly type: 'request';
      readonly id: number;
      readonly name: RequestName;
      readonly params: unknown;
      readonly manner: RequestManner;
    }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'configure'; readonly settings: ComputeSettings };

/** Compute process → server. Every request gets exactly one answer, a cancelled one too. */
export type FromCompute =
  | { readonly type: 'answer'; readonly id: number; readonly result: Result<unknown> }
  | { readonly type: 'progress'; readonly id: number; readonly fraction: number; readonly message: string }
  /** What a lens has so far. */
  | { readonly type: 'partial'; readonly id: number; readonly result: LensResult }
  | { readonly type: 'log'; readonly message: string };
