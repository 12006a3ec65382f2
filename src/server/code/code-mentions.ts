import path from 'node:path';
import type { Connection, DocumentLink, Hover, Position, TextDocuments } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { plain } from '../../lint/hover-text';
import { mentionsIn, missingCheckpoints, type CodeKind, type Mention } from '../../lint/mentions';
import type { Finding } from '../../protocol/finding';
import type { NamedCheckpoint } from '../../protocol/requests';
import type { Compute } from '../compute-processes';
import { Debounce } from '../debounce';
import { diagnosticOf } from '../diagnostics';
import { isKnown } from '../documents';
import { pathOfUri, uriOfPath } from '../file-uri';
import { isLinted } from '../linted';

const PAUSE_IN_TYPING_MS = 500;
/** In characters. Longer ones are data, not code. */
const LONGEST_TEXT = 2 ** 19;
/** Findings that a hover lists. */
const MOST_FINDINGS = 5;
const LANGUAGES: Readonly<Record<string, CodeKind>> = {
  python: 'python',
  yaml: 'yaml',
  json: 'json',
  jsonc: 'json',
  toml: 'toml',
};

/** What this needs of the server. */
export interface CodeHost {
  readonly documents: TextDocuments<TextDocument>;
  readonly roots: () => readonly string[];
  /** What is known to be wrong with a file. */
  readonly findings: (path: string) => readonly Finding[];
}

/** A piece of a text, and what it leads to. */
interface Named extends Mention {
  readonly target: NamedCheckpoint | 'missing' | null;
}

/** Links, hovers and diagnostics for strings in code and configuration that name checkpoints of the workspace. */
export class CodeMentions {
  private readonly found = new Map<string, { version: number; named: Promise<readonly Named[]> }>();
  /** Documents with diagnostics. */
  private readonly shown = new Set<string>();
  private readonly edits = new Debounce(PAUSE_IN_TYPING_MS, (uri) => void this.publish(uri));
  private tellMissing = true;

  constructor(
    private readonly connection: Connection,
    private readonly compute: Compute,
    private readonly host: CodeHost,
  ) {}

  /** Whether paths that lead to nothing are said to. */
  configure(tellMissing: boolean): void {
    if (tellMissing === this.tellMissing) return;
    this.tellMissing = tellMissing;
    this.lookAgain();
  }

  /** A document was opened or edited. */
  changed({ uri }: TextDocument): void {
    if (this.codeAt(uri)) this.edits.mention(uri);
  }

  /** A document was closed. */
  closed({ uri }: TextDocument): void {
    this.edits.forget(uri);
    this.found.delete(uri);
    if (this.shown.delete(uri)) void this.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  /** Checkpoints appeared or went: what the open documents name may be another. */
  lookAgain(): void {
    this.found.clear();
    for (const document of this.host.documents.all()) this.changed(document);
  }

  /** Whether a document is code that this looks into. */
  isCode(uri: string): boolean {
    return this.codeAt(uri) !== null;
  }

  /** A link for every string that leads to a checkpoint. */
  async links(uri: string): Promise<DocumentLink[]> {
    return (await this.namedIn(uri)).flatMap(({ range, target }) =>
      isFound(target) ? [{ range, target: uriOfPath(target.file), tooltip: 'Open checkpoint' }] : [],
    );
  }

  /** What the checkpoint under the cursor is, and what is known to be wrong with it. */
  async hover(uri: string, position: Position, signal: AbortSignal): Promise<Hover | null> {
    const named = (await this.namedIn(uri)).find((each) => holds(each, position));
    if (!named || !isFound(named.target)) return null;
    const { file, path: asked } = named.target;
    const roots = this.host.roots();
    const card = await this.compute.request('deltalens/card', { path: asked, roots }, { signal });
    if (!card.ok) return null;
    const value = [card.value.markdown, ...this.findingsText(file)].join('\n\n');
    return { contents: { kind: 'markdown', value }, range: named.range };
  }

  private findingsText(file: string): readonly string[] {
    const config = path.join(path.dirname(file), 'adapter_config.json');
    const isAdapter = path.basename(file).startsWith('adapter_model');
    const findings = [file, ...(isAdapter ? [config] : [])].flatMap((each) => this.host.findings(each));
    if (findings.length === 0) return [];
    const shown = findings
      .slice(0, MOST_FINDINGS)
      .map(({ severity, message }) => `- ${severity}: ${plain(message)}`);
    const more = findings.length - shown.length;
    return [[...shown, ...(more > 0 ? [`- and ${String(more)} more`] : [])].join('\n')];
  }

  private async publish(uri: string): Promise<void> {
    const code = this.codeAt(uri);
    if (!code) return;
    const { version } = code.document;
    const named = this.tellMissing ? await this.namedIn(uri) : [];
    // A later edit mentions the document again.
    if (this.host.documents.get(uri)?.version !== version) return;
    const missing = named.filter(({ target }) => target === 'missing');
    const diagnostics = missingCheckpoints(code.file, missing).map(diagnosticOf);
    if (diagnostics.length === 0 && !this.shown.has(uri)) return;
    if (diagnostics.length === 0) this.shown.delete(uri);
    else this.shown.add(uri);
    await this.connection.sendDiagnostics({ uri, version, diagnostics });
  }

  /** Looked up once for a text. */
  private namedIn(uri: string): Promise<readonly Named[]> {
    const code = this.codeAt(uri);
    if (!code) return Promise.resolve([]);
    const { version } = code.document;
    const known = this.found.get(uri);
    if (known?.version === version) return known.named;
    const named = this.lookUp(code.file, mentionsIn(code.document.getText(), code.kind));
    this.found.set(uri, { version, named });
    return named;
  }

  private async lookUp(document: string, mentions: readonly Mention[]): Promise<readonly Named[]> {
    if (mentions.length === 0) return [];
    const names = [...new Set(mentions.map(({ name }) => name))];
    const roots = this.host.roots();
    const answer = await this.compute.request('deltalens/named', { document, names, roots });
    if (!answer.ok) return [];
    const targets = new Map(names.map((name, index) => [name, answer.value[index] ?? null]));
    return mentions.map((mention) => ({ ...mention, target: targets.get(mention.name) ?? null }));
  }

  /** A document of the workspace in one of the languages, short enough, and without rules of its own. */
  private codeAt(uri: string): { document: TextDocument; file: string; kind: CodeKind } | null {
    const document = this.host.documents.get(uri);
    const file = pathOfUri(uri);
    if (!document || file === null || !isKnown(document)) return null;
    const kind = /\.toml$/i.test(file) ? 'toml' : LANGUAGES[document.languageId];
    if (!kind || hasOwnRules(file) || document.getText().length > LONGEST_TEXT) return null;
    const inside = this.host.roots().some((root) => file.startsWith(root + path.sep));
    return inside ? { document, file, kind } : null;
  }
}

function hasOwnRules(file: string): boolean {
  return isLinted(file) || /(?:^|[\\/])config\.json$|\.index\.json$|\.study\.ya?ml$/i.test(file);
}

function isFound(target: Named['target']): target is NamedCheckpoint {
  return target !== null && target !== 'missing';
}

function holds({ range: { start, end } }: Mention, { line, character }: Position): boolean {
  return line === start.line && character >= start.character && character <= end.character;
}
