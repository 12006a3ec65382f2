import { INDEX_ENDING } from '../format/safetensors-sharded';
import { isCheckpointName } from '../protocol/checkpoint-names';
import type { Finding, TextRange } from '../protocol/finding';
import { CODES } from './codes';
import { FindingList } from './finding-list';
import { TextLines } from './text-lines';
import { clipped } from './wording';

/** Languages whose texts are looked through for names of checkpoints. */
export type CodeKind = 'python' | 'yaml' | 'json' | 'toml';

/** A piece of a text that may be the path of a checkpoint. */
export interface Mention {
  readonly name: string;
  /** Without quotes. */
  readonly range: TextRange;
}

/** Paths in one document: each costs a look at the disk. */
const MOST_MENTIONS = 300;
/** In characters. */
const LONGEST_PATH = 300;

// Comments and long strings come first, so that no quote in them begins a string. What is not closed is taken all the same,
// to the end of its line or of the text, so that no part is looked through twice.
const QUOTED = String.raw`"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?`;
const LONG = String.raw`"""[\s\S]*?"""|'''[\s\S]*?'''`;
const PATTERNS: Readonly<Record<CodeKind, RegExp>> = {
  python: new RegExp(`${LONG}|#[^\\n]*|${QUOTED}`, 'g'),
  toml: new RegExp(`${LONG}|#[^\\n]*|${QUOTED}`, 'g'),
  json: new RegExp(String.raw`//[^\n]*|/\*[\s\S]*?(?:\*/|$)|"(?:[^"\\\n]|\\.)*"?`, 'g'),
  // A word without quotes is a text, too; a comment begins after a space.
  yaml: new RegExp(String.raw`(?<=^|\s)#[^\n]*|${QUOTED}|[^\s"'#,[\]{}][^\s,[\]{}]*`, 'gm'),
};

/**
 * The strings of a text that look like paths of checkpoints, the first 300 of them: with a folder, or with the ending of a
 * checkpoint. Patterns, addresses and texts that are filled in later are none.
 */
export function mentionsIn(text: string, kind: CodeKind): readonly Mention[] {
  const mentions: Mention[] = [];
  let lines: TextLines | undefined;
  for (const match of text.matchAll(PATTERNS[kind])) {
    const found = nameIn(match[0], kind);
    if (found === null) continue;
    lines ??= new TextLines(text);
    const start = match.index + found.start;
    mentions.push({ name: found.name, range: lines.range(start, start + found.length) });
    if (mentions.length === MOST_MENTIONS) break;
  }
  return mentions;
}

/** Whether a path ends like a checkpoint. */
export function endsLikeCheckpoint(name: string): boolean {
  return isCheckpointName(name.slice(name.lastIndexOf('/') + 1)) || name.endsWith(INDEX_ENDING);
}

/**
 * Findings for paths that end like a checkpoint where there is none. A name without a folder may be part of a path that is
 * put together elsewhere, so that nothing is said of it.
 */
export function missingCheckpoints(path: string, missing: readonly Mention[]): readonly Finding[] {
  const findings = new FindingList(path);
  for (const { name, range } of missing) {
    if (!name.includes('/') || !endsLikeCheckpoint(name)) continue;
    findings.add('named-checkpoint-missing', {
      range,
      at: name,
      message: `There is no checkpoint at ${clipped(name)}, seen from this file or from the workspace.`,
      help: CODES['named-checkpoint-missing'].action,
    });
  }
  return findings.all();
}

function nameIn(token: string, kind: CodeKind): { name: string; start: number; length: number } | null {
  const isQuoted = token.startsWith('"') || token.startsWith("'");
  if (!isQuoted && kind !== 'yaml') return null;
  if (isQuoted && (token.length < 2 || !token.endsWith(token.charAt(0)))) return null;
  if (token.length > LONGEST_PATH + 2 || /^(?:"""|'''|#)/.test(token)) return null;
  const inner = isQuoted ? token.slice(1, -1) : token;
  const name = inner.includes('\\') ? unescaped(token) : inner;
  if (name === null || !isPath(name)) return null;
  return { name, start: isQuoted ? 1 : 0, length: inner.length };
}

/** Escapes as in JSON; others, and those of single quotes, are left to their languages. */
function unescaped(token: string): string | null {
  try {
    const value: unknown = JSON.parse(token);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

function isPath(name: string): boolean {
  if (name.length < 3 || /[{}$*?<>|%\n\r\0]|:\/\/|^~|^\/\/|\s$/.test(name)) return false;
  return name.includes('/') || endsLikeCheckpoint(name);
}
