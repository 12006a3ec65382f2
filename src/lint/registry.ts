import type { Finding } from '../protocol/finding';
import { adapterConfigRule } from './adapter-config';
import { adapterFileRule } from './adapter-file';
import { checkpointFileRule } from './checkpoint-file';
import type { LintContext, LintRule } from './rule';
import { safetensorsIndexRule } from './safetensors-index';
import { studyRule } from './study';

/** Every family of diagnostics. */
export const RULES: readonly LintRule[] = [
  adapterConfigRule,
  adapterFileRule,
  safetensorsIndexRule,
  checkpointFileRule,
  studyRule,
];

/**
 * All findings of one document or file, by every rule that is for its name; none where no rule is. `text` is the document
 * as the editor holds it, `null` for a binary file. Where `context.signal` is aborted, what was found until then.
 */
export async function lint(
  path: string,
  text: string | null,
  context: LintContext,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const rule of RULES) {
    if (rule.appliesTo(path)) findings.push(...(await rule.check(path, text, context)));
  }
  return findings;
}
