import type { Checkpoint } from '../format/checkpoint';
import type { Finding } from '../protocol/finding';
import type { Result } from '../protocol/result';
import type { PassRunner } from '../tensor/pass';

/** What a rule may look at. */
export interface LintContext {
  /** Workspace folders: a base may lie here, and nowhere else. */
  readonly roots: readonly string[];
  /** Opens a checkpoint's directory (cached). */
  open(path: string): Promise<Result<Checkpoint>>;
  /** Absolute paths of checkpoints known in the workspace, for "did you mean". */
  readonly known: readonly string[];
  readonly passes: PassRunner;
  /** Checkpoints with more bytes of tensor data than this are not scanned for NaN and ±Inf. */
  readonly scanLimit: number;
  readonly signal: AbortSignal;
}

/** A family of diagnostics for one kind of file. One file each, registered in `registry.ts`. */
export interface LintRule {
  /** Kebab-case, e.g. `adapter-config`. */
  readonly id: string;
  /** Whether the rule is for this path, by its name alone. */
  appliesTo(path: string): boolean;
  /** `text` is the document as the editor holds it, or `null` for a binary file. Never throws for bad input. */
  check(path: string, text: string | null, context: LintContext): Promise<readonly Finding[]>;
}
