import type { Output } from '../format/write-output';
import type { Table } from '../protocol/artifact';
import type { Finding } from '../protocol/finding';
import type { Result } from '../protocol/result';
import type { PassRunner } from '../tensor/pass';
import type { ReadSpan } from '../model/load-delta';

/** What surrounds the making of a checkpoint. */
export interface MergeContext {
  readonly read: ReadSpan;
  readonly passes: PassRunner;
  readonly signal: AbortSignal;
  /** Bytes that may be held at once. */
  readonly memoryBudget: number;
  /** `fraction` is 0..1. */
  readonly progress: (fraction: number, message: string) => void;
}

/** A checkpoint that is ready to be written. */
export interface WritePlan {
  readonly output: Output;
  /** Name of the file in the folder that is opened afterwards; empty for a single file. */
  readonly opens: string;
  readonly tensors: number;
  /** Computes whatever there is to find out, without writing; what is not known without it stays out of the report. */
  check(): Promise<Result<null>>;
  /** What happened; complete after `check`, or after everything was written. */
  report(): PlanReport;
}

export interface PlanReport {
  readonly summary: string;
  readonly tables: readonly Table[];
  readonly findings: readonly Finding[];
}
