import fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lint } from '../../lint/registry';
import type { Study } from '../../model/study';
import type { Finding } from '../../protocol/finding';
import type { AnalysisContext } from './context';
import { lintContextOf } from './lint-context';

/** A configuration is a page of text; what is larger is none. */
const LARGEST_CONFIG = 2 * 2 ** 20;

/**
 * What the rules find in the files of every adapter of a study and in the configurations beside them: what the editor underlines,
 * for the page of the adapter. Bases are looked for beside the adapter and beside the base of the study.
 */
export async function adapterFindings(study: Study, context: AnalysisContext): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { adapter, checkpoint } of study.tasks) {
    const weights = checkpoint.files[0]?.path;
    if (!adapter || weights === undefined || context.signal.aborted) continue;
    const folder = dirname(weights);
    const roots = [...new Set([folder, dirname(folder), ...(study.base ? [dirname(study.base.path)] : [])])];
    const looking = lintContextOf(context, roots);
    const config = join(folder, 'adapter_config.json');
    const text = await textOf(config);
    if (text !== null) findings.push(...(await lint(config, text, looking)));
    findings.push(...(await lint(weights, null, looking)));
  }
  return findings;
}

/** Findings of both lists, in this order, each once. */
export function withoutRepeats(first: readonly Finding[], second: readonly Finding[]): readonly Finding[] {
  const keyOf = ({ code, path, message }: Finding) => JSON.stringify([code, path, message]);
  return [...new Map([...second, ...first].map((each) => [keyOf(each), each])).values()].sort(
    (x, y) => RANKS.indexOf(x.severity) - RANKS.indexOf(y.severity),
  );
}

/** The gravest stand first. */
const RANKS: readonly Finding['severity'][] = ['error', 'warning', 'information'];

async function textOf(path: string): Promise<string | null> {
  try {
    const { size } = await fs.stat(path);
    return size > LARGEST_CONFIG ? null : await fs.readFile(path, 'utf8');
  } catch {
    return null;
  }
}
