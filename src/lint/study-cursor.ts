/** Where in a study the cursor is, as indentation tells: the text need not be valid YAML while it is being written. */
export interface StudyCursor {
  /** Keys that the line stands below, outermost first. */
  readonly parents: readonly string[];
  /** The key whose value is being written; `null` where a key is. */
  readonly key: string | null;
  /** What is typed of it up to the cursor, without an opening quote. */
  readonly typed: string;
  /** Column where that begins. */
  readonly start: number;
  /** Keys that stand beside this one already. */
  readonly siblings: ReadonlySet<string>;
}

interface Line {
  readonly indent: number;
  readonly key: string;
  readonly value: string;
}

const LINE = /^(\s*(?:-\s+)?)(?:"([^"]*)"|'([^']*)'|([^\s#:'"][^:#]*?))\s*:(?=\s|$)(.*)$/;

/** Finds the place; `null` in a comment. */
export function studyCursor(lines: readonly string[], line: number, character: number): StudyCursor | null {
  const before = (lines[line] ?? '').slice(0, character);
  if (/^\s*#|\s#/.test(before)) return null;
  const own = LINE.exec(before);
  const indent = /^\s*(?:-\s+)?/.exec(before)?.[0].length ?? 0;
  const value = own ? (own[5] ?? '') : before.slice(indent);
  const lead = /^\s*["']?/.exec(value)?.[0].length ?? 0;
  return {
    parents: parentsOf(lines, line, indent),
    key: own ? keyOf(own) : null,
    typed: value.slice(lead),
    start: before.length - value.length + lead,
    siblings: siblingsOf(lines, line, indent),
  };
}

function parse(text: string): Line | null {
  const found = LINE.exec(text);
  return found && { indent: (found[1] ?? '').length, key: keyOf(found), value: (found[5] ?? '').trim() };
}

function keyOf(found: RegExpExecArray): string {
  return found[2] ?? found[3] ?? found[4] ?? '';
}

function parentsOf(lines: readonly string[], line: number, indent: number): readonly string[] {
  const parents: string[] = [];
  let within = indent;
  for (let at = line - 1; at >= 0 && within > 0; at--) {
    const found = parse(lines[at] ?? '');
    if (found === null || found.indent >= within) continue;
    parents.unshift(found.key);
    within = found.indent;
  }
  return parents;
}

function siblingsOf(lines: readonly string[], line: number, indent: number): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const step of [-1, 1]) {
    for (let at = line + step; at >= 0 && at < lines.length; at += step) {
      const found = parse(lines[at] ?? '');
      if (found === null || found.indent > indent) continue;
      if (found.indent < indent) break;
      keys.add(found.key);
    }
  }
  return keys;
}

/** The value that a key at the left margin has in a line of its own, `''` where it has none. */
export function topValue(lines: readonly string[], key: string): string {
  const found = lines.map(parse).find((line) => line?.indent === 0 && line.key === key);
  return withoutQuotes(found?.value ?? '');
}

/** Keys and values of the block below a key at the left margin, one level deep; a value may stand at `path` inside. */
export function blockBelow(lines: readonly string[], key: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  let within = false;
  let indent = 0;
  let last = '';
  for (const line of lines.map(parse)) {
    if (line === null) continue;
    if (line.indent === 0) {
      within = line.key === key;
      indent = 0;
    } else if (within) {
      indent ||= line.indent;
      if (line.indent === indent) entries.set((last = line.key), withoutQuotes(line.value));
      else if (line.key === 'path') entries.set(last, withoutQuotes(line.value));
    }
  }
  return entries;
}

function withoutQuotes(value: string): string {
  const bare = value.replace(/\s+#.*$/, '').trim();
  return /^(["']).*\1$/.test(bare) ? bare.slice(1, -1) : bare;
}
