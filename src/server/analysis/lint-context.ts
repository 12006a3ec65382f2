import type { LintContext } from '../../lint/rule';
import type { AnalysisContext } from './context';

/** What a lint rule may look at, out of what a request has. */
export function lintContextOf(context: AnalysisContext, roots: readonly string[]): LintContext {
  const { passes, known, scanLimit, signal } = context;
  return { roots, open: (file) => context.directories.open(file), known, passes, scanLimit, signal };
}
