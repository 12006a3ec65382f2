export type Severity = 'error' | 'warning' | 'information' | 'hint';

/** Zero-based, UTF-16 columns, end exclusive: the same as in the language server protocol. */
export interface TextRange {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

/** A change that is safe to apply without thinking. */
export interface QuickFix {
  readonly title: string;
  readonly edits: readonly { readonly path: string; readonly range: TextRange; readonly newText: string }[];
}

/** One diagnostic: what is wrong, where, and what to do. */
export interface Finding {
  /** Stable and kebab-case; has its place in `docs/findings.md`. */
  readonly code: string;
  readonly severity: Severity;
  /** Absolute path of the file the finding belongs to. */
  readonly path: string;
  /** Missing for binary files: the finding then belongs to the file as a whole. */
  readonly range?: TextRange;
  /** Tensor name, JSON key or the like. */
  readonly at?: string;
  readonly message: string;
  readonly help: string;
  readonly fixes?: readonly QuickFix[];
}
