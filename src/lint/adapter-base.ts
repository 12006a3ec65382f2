import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { findAdapterBase, type AdapterConfig, type AdapterFiles } from '../model/adapter';
import { homeOf, realPathOf } from '../model/adapter-base';
import type { QuickFix } from '../protocol/finding';
import { CODES, type FindingCode } from './codes';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import type { LintContext } from './rule';
import { clipped } from './wording';

/** So many checkpoints of the workspace are opened to find one that fits. */
const MOST_CANDIDATES = 200;

const KEY = 'base_model_name_or_path';

/**
 * Opens the base that a configuration names, inside the workspace only. Where there is none to open, a finding says
 * why, with a fix where one checkpoint of the workspace fits the adapter; the answer is then `null`.
 */
export async function openBase(
  document: JsonDocument,
  adapter: AdapterFiles & { readonly config: AdapterConfig },
  context: LintContext,
  findings: FindingList,
): Promise<Checkpoint | null> {
  const found = await findAdapterBase(adapter, context.roots, []);
  if (found) {
    const { baseName } = adapter.config;
    if (!found.inferred && baseName !== null && isAbsolute(baseName)) {
      const message = `The base is named by an absolute path, "${clipped(baseName, 300)}", which is right on this machine only.`;
      add(document, findings, 'base-path-absolute', message, {});
    }
    const opened = await context.open(found.path);
    if (opened.ok) return opened.value;
    add(document, findings, 'base-unreadable', `The base cannot be opened: ${opened.problem.message}`, {
      help: opened.problem.action,
    });
    return null;
  }
  const { baseName } = adapter.config;
  const outside = baseName === null ? null : await outsideRoots(document.path, baseName, context.roots);
  if (outside !== null) {
    const message = `The base lies outside the opened folders, at ${clipped(outside, 300)}, and is not opened.`;
    add(document, findings, 'base-outside-workspace', message, {});
    return null;
  }
  const suggestion = await suggest(document, adapter, context);
  const fits = suggestion ? ` ${suggestion.path} in this workspace fits.` : '';
  const fix = suggestion ? { fixes: [suggestion.fix], help: `Set it to "${suggestion.path}".` } : {};
  if (baseName === null) {
    add(document, findings, 'base-not-named', `The adapter does not name its base.${fits}`, fix);
  } else if (isHubName(baseName)) {
    const message = `The base "${clipped(baseName)}" is not on this disk, so the adapter is not compared with it.${fits}`;
    add(document, findings, 'base-not-on-disk', message, fix);
  } else {
    const message = `The path "${clipped(baseName, 300)}" of the base does not exist.${fits}`;
    add(document, findings, 'base-path-missing', message, fix);
  }
  return null;
}

function add(
  document: JsonDocument,
  findings: FindingList,
  code: FindingCode,
  message: string,
  more: { readonly help?: string; readonly fixes?: readonly QuickFix[] },
): void {
  findings.add(code, { range: document.placeOf(KEY), at: KEY, message, help: CODES[code].action, ...more });
}

/** Where the name leads, when that is outside all roots; `null` where it leads nowhere. */
async function outsideRoots(
  configPath: string,
  baseName: string,
  roots: readonly string[],
): Promise<string | null> {
  if (baseName.includes('\0')) return null;
  const starts = isAbsolute(baseName) ? [baseName] : [dirname(configPath), ...roots];
  for (const start of starts) {
    const real = await realPathOf(resolve(start, baseName));
    if (real !== null) return real;
  }
  return null;
}

/** `gpt2`, `org/model`: what the hub allows, and no path that anybody would write. */
function isHubName(name: string): boolean {
  return /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)?$/.test(name);
}

async function suggest(document: JsonDocument, adapter: AdapterFiles, context: LintContext) {
  const folder = dirname(document.path);
  const candidates: Checkpoint[] = [];
  for (const path of context.known.slice(0, MOST_CANDIDATES)) {
    if (context.signal.aborted) return null;
    if (dirname(path) === folder || path === folder) continue;
    const opened = await context.open(path);
    if (opened.ok) candidates.push(opened.value);
  }
  const found = await findAdapterBase(adapter, context.roots, candidates);
  if (!found) return null;
  const way = relative((await realPathOf(folder)) ?? folder, homeOf(found.path))
    .split(sep)
    .join('/');
  const path = way.startsWith('.') ? way : `./${way}`;
  return { path, fix: document.setting(`Set the base to "${path}"`, KEY, path) };
}
