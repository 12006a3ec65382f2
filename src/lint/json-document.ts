import { getNodeValue, parseTree, type Node, type ParseError } from 'jsonc-parser';
import type { QuickFix, TextRange } from '../protocol/finding';
import type { FindingList } from './finding-list';
import { replacement } from './finding-list';
import { TextLines } from './text-lines';
import { counted } from './wording';

/** Configurations are a few kilobytes; beyond this it is some other file. */
const LARGEST = 2_000_000;
/** Deeper than any configuration goes, and far from what a call stack holds. */
const DEEPEST = 64;

/** One key of a JSON object with the places of key and value. */
export interface JsonEntry {
  readonly key: string;
  /** The key with its quotes. */
  readonly keyRange: TextRange;
  readonly value: unknown;
  readonly valueRange: TextRange;
  readonly node: Node;
}

/** A JSON object as the editor holds it: values together with where they are written. */
export class JsonDocument {
  private readonly top: ReadonlyMap<string, JsonEntry>;

  constructor(
    readonly path: string,
    readonly text: string,
    readonly lines: TextLines,
    readonly root: Node,
  ) {
    this.top = new Map(this.entriesOf(root).map((entry) => [entry.key, entry]));
  }

  /** Keys of the outermost object. Of a duplicate key the last one counts, as for every loader. */
  get entries(): readonly JsonEntry[] {
    return [...this.top.values()];
  }

  /** One key of the outermost object. */
  entry(key: string): JsonEntry | undefined {
    return this.top.get(key);
  }

  /** The value of a key of the outermost object; `undefined` where the key is missing or null. */
  value(key: string): unknown {
    return this.top.get(key)?.value ?? undefined;
  }

  /** Where a complaint about a key belongs: its value, or the opening brace where the key is missing. */
  placeOf(key: string): TextRange {
    return this.top.get(key)?.valueRange ?? this.opening;
  }

  /** The opening brace: the place of what is missing. */
  get opening(): TextRange {
    return this.lines.range(this.root.offset, this.root.offset + 1);
  }

  /** Entries of an object node; none for any other node. */
  entriesOf(node: Node): readonly JsonEntry[] {
    if (node.type !== 'object') return [];
    return (node.children ?? []).flatMap((property) => {
      const [key, value] = property.children ?? [];
      if (!key || !value) return [];
      return [
        {
          key: String(key.value),
          keyRange: this.rangeOf(key),
          value: getNodeValue(value) as unknown,
          valueRange: this.rangeOf(value),
          node: value,
        },
      ];
    });
  }

  /** Where a node is written. */
  rangeOf(node: Node): TextRange {
    return this.lines.range(node.offset, node.offset + node.length);
  }

  /** A quick fix that sets a key of the outermost object, adding it at the end where it is missing. */
  setting(title: string, key: string, value: unknown): QuickFix {
    const entry = this.top.get(key);
    if (entry) {
      const written = this.text.slice(entry.node.offset, entry.node.offset + entry.node.length);
      const text = this.written(value, written.includes('\n') || !Array.isArray(entry.value));
      return replacement(title, this.path, entry.valueRange, text);
    }
    const last = this.root.children?.at(-1);
    const at = last ? last.offset + last.length : this.root.offset + 1;
    const start = `${last ? ',' : ''}${this.isOneLine ? ' ' : this.lineEnd + this.indentation}`;
    const end = last || this.isOneLine ? '' : this.lineEnd;
    const text = `${start}${JSON.stringify(key)}: ${this.written(value, true)}${end}`;
    return replacement(title, this.path, this.lines.range(at, at), text);
  }

  /** A value in the style of the document. */
  private written(value: unknown, inLines: boolean): string {
    if (this.isOneLine || !inLines)
      return JSON.stringify(value, null, 1)
        .replace(/\s*\n\s*/g, ' ')
        .replace(/^\[ | \]$/g, (bracket) => bracket.trim());
    return JSON.stringify(value, null, this.indentation).replace(/\n/g, this.lineEnd + this.indentation);
  }

  private get isOneLine(): boolean {
    return !this.text.trim().includes('\n');
  }

  private get lineEnd(): string {
    return this.text.includes('\r\n') ? '\r\n' : '\n';
  }

  private get indentation(): string {
    return /\n([ \t]+)"/.exec(this.text)?.[1] ?? '  ';
  }
}

/**
 * Reads a JSON object. Syntax errors, duplicate keys and anything that is not an object become findings; with a syntax
 * error or no object the answer is `null`, since nothing more can be said.
 */
export function readJsonDocument(path: string, text: string, findings: FindingList): JsonDocument | null {
  const lines = new TextLines(text);
  if (text.length > LARGEST) {
    findings.add('json-too-large', {
      range: lines.range(0, 1),
      message: `This configuration has ${counted(text.length, 'character')}; at most 2,000,000 are looked into.`,
      help: 'Check that the right file was saved here.',
    });
    return null;
  }
  const deep = firstTooDeep(text);
  if (deep >= 0) {
    findings.add('json-depth', {
      range: lines.range(deep, deep + 1),
      message: `Values are nested more than ${DEEPEST} deep here.`,
      help: 'Remove the nested values; nothing reads them.',
    });
    return null;
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  for (const error of errors) addSyntaxError(findings, lines, text, error);
  if (errors.length > 0 || !root) return null;
  if (root.type !== 'object') {
    findings.add('json-type', {
      range: lines.range(root.offset, root.offset + root.length),
      message: `The file holds ${root.type === 'array' ? 'an array' : `a ${root.type}`} where an object is needed.`,
      help: 'Write the settings between { and }.',
    });
    return null;
  }
  addDuplicates(findings, lines, root);
  return new JsonDocument(path, text, lines, root);
}

/** Offset of the first bracket beyond the allowed depth, or −1. */
function firstTooDeep(text: string): number {
  let depth = 0;
  let quoted = false;
  for (let offset = 0; offset < text.length; offset++) {
    const character = text[offset];
    if (quoted) {
      if (character === '\\') offset++;
      else if (character === '"' || character === '\n') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') {
      if (++depth > DEEPEST) return offset;
    } else if (character === '}' || character === ']') depth--;
  }
  return -1;
}

/** jsonc-parser numbers its errors in an enumeration that only its own compilation can see. */
const SYNTAX_ERRORS: Readonly<Record<number, string>> = {
  1: 'this is no JSON value',
  2: 'a number is not written as JSON wants it',
  3: 'a key in double quotes is expected',
  4: 'a value is expected',
  5: 'a colon is expected',
  6: 'a comma is expected',
  7: 'a closing brace is expected',
  8: 'a closing bracket is expected',
  9: 'the end of the file is expected',
  10: 'JSON has no comments',
  11: 'a comment never ends',
  12: 'a string never ends',
  13: 'a number ends too early',
  14: '\\u must be followed by four hexadecimal digits',
  15: 'this escape does not exist in JSON',
  16: 'a control character stands in a string',
};

function addSyntaxError(findings: FindingList, lines: TextLines, text: string, error: ParseError): void {
  const end = error.offset + Math.max(1, error.length);
  const atEnd = error.offset >= text.length;
  const start = atEnd ? Math.max(0, text.trimEnd().length - 1) : error.offset;
  const reason = SYNTAX_ERRORS[error.error as number] ?? 'this is not valid JSON';
  findings.add('json-syntax', {
    range: lines.range(start, atEnd ? start + 1 : end),
    message: `JSON: ${reason}${atEnd ? ', but the file ends' : ''}.`,
    help: 'Correct the text here; until then nothing else can be checked.',
  });
}

function addDuplicates(findings: FindingList, lines: TextLines, node: Node): void {
  const seen = new Set<string>();
  for (const child of node.children ?? []) {
    const key = child.type === 'property' ? child.children?.[0] : undefined;
    if (key) {
      const name = String(key.value);
      if (seen.has(name)) {
        findings.add('json-duplicate-key', {
          range: lines.range(key.offset, key.offset + key.length),
          at: name,
          message: `The key ${JSON.stringify(name)} stands here a second time; loaders take this one.`,
          help: 'Keep one of the two.',
        });
      }
      seen.add(name);
    }
    const value = child.type === 'property' ? child.children?.[1] : child;
    if (value) addDuplicates(findings, lines, value);
  }
}
