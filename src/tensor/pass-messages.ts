import type { Problem } from '../protocol/result';
import type { PassItem, PassOutcome } from './pass';

/** To a worker: take part in this pass. */
export interface PassMessage {
  readonly pass: number;
  readonly items: readonly PassItem[];
  /** Two 32-bit cells, {@link NEXT_PORTION} and {@link STOPPED}. */
  readonly control: SharedArrayBuffer;
}

/** From a worker: contributions of some chunks, or the reason why the pass cannot go on. */
export type WorkerMessage =
  | { readonly kind: 'parts'; readonly pass: number; readonly parts: readonly Part[] }
  | { readonly kind: 'failed'; readonly pass: number; readonly problem: Problem };

/** What one chunk contributes; `chunk` counts through the chunks of the whole pass. */
export interface Part {
  /** Position of the item in its pass. */
  readonly item: number;
  readonly chunk: number;
  /** Bytes that were read for it. */
  readonly bytes: number;
  readonly outcome: PassOutcome;
}

/** Cell of `control`: the portion that the next free worker takes. */
export const NEXT_PORTION = 0;
/** Cell of `control`: not 0 once nobody waits for the pass any more. */
export const STOPPED = 1;
