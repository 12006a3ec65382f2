import path from 'node:path';
import type { Connection, Hover, Location, Position, TextDocuments } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { ManifestOutline, type SectionLines } from '../../model/manifest/read-manifest';
import { bytesText, plain, stringAt } from '../../lint/hover-text';
import { counted } from '../../lint/wording';
import type { Finding } from '../../protocol/finding';
import type { TensorPlace } from '../../protocol/requests';
import type { Result } from '../../protocol/result';
import type { Compute } from '../compute-processes';
import { pathOfUri } from '../file-uri';
import { signalOf } from '../forwarding';
import { codeLensesOf } from './code-lenses';
import { foldingOf } from './folding';
import { linksOf } from './links';
import { manifestDiagnostics } from './manifest-findings';
import { manifestOf, manifestUriOf } from './manifest-uri';
import { symbolsOf } from './symbols';
import { spectrumTarget } from './spectrum-target';
import { CARD_BINS, tensorActions, tensorCard } from './tensor-card';

/** A hover that takes longer is not seen any more. */
const HOVER_LIMIT_MS = 2500;

/** What the features need of the server. */
export interface ManifestHost {
  readonly documents: TextDocuments<TextDocument>;
  /** What is known to be wrong with a file. */
  readonly findings: (path: string) => readonly Finding[];
  /** Has a file checked now. */
  readonly check: (path: string) => void;
}

/** What an editor can ask of manifests, and of names in indexes and configurations that lead there. */
export class ManifestFeatures {
  private readonly outlines = new WeakMap<TextDocument, { version: number; outline: ManifestOutline }>();
  /** Manifests with diagnostics, by the files that these are of. */
  private readonly shown = new Map<string, Set<string>>();

  constructor(
    private readonly connection: Connection,
    private readonly compute: Compute,
    private readonly host: ManifestHost,
  ) {}

  /** Answers the requests that are about manifests alone. */
  listen(): void {
    const { connection } = this;
    connection.onFoldingRanges(({ textDocument }) => this.ask(textDocument.uri, foldingOf) ?? []);
    connection.onDocumentSymbol(({ textDocument }) => this.ask(textDocument.uri, symbolsOf) ?? []);
    connection.onCodeLens(({ textDocument }) => {
      return (
        this.ask(textDocument.uri, (outline, file, isSide) => (isSide ? [] : codeLensesOf(outline, file))) ??
        []
      );
    });
    connection.onDefinition(({ textDocument, position }, token) =>
      this.definition(textDocument.uri, position, signalOf(token)),
    );
    connection.onReferences(({ textDocument, position }, token) =>
      this.references(textDocument.uri, position, signalOf(token)),
    );
  }

  /** Links of a manifest; `null` for any other document. */
  links(uri: string): ReturnType<typeof linksOf> | null {
    return this.ask(uri, linksOf);
  }

  /** A manifest was opened, or has another text: its findings are shown, and its checkpoint is checked where it is new. */
  changed(document: TextDocument): void {
    const manifest = manifestOf(document.uri);
    if (!manifest || manifest.isSide) return;
    const isNew = ![...this.shown.values()].some((uris) => uris.has(document.uri));
    for (const file of this.filesOf(document, manifest.path)) {
      this.shown.set(file, (this.shown.get(file) ?? new Set()).add(document.uri));
    }
    this.publish(document, manifest.path);
    if (isNew) this.host.check(manifest.path);
  }

  /** A manifest was closed: what is wrong with its checkpoint stands at the checkpoint alone. */
  closed({ uri }: TextDocument): void {
    const manifest = manifestOf(uri);
    if (!manifest || manifest.isSide) return;
    for (const [file, uris] of this.shown) {
      uris.delete(uri);
      if (uris.size === 0) this.shown.delete(file);
    }
    void this.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  /** Something else is known to be wrong with a file. */
  findingsChanged(file: string): void {
    for (const uri of this.shown.get(file) ?? []) {
      const document = this.host.documents.get(uri);
      const manifest = manifestOf(uri);
      if (document && manifest) this.publish(document, manifest.path);
    }
  }

  /** Statistics of a tensor, sums of a layer; `null` elsewhere. Comes within seconds, complete or not. */
  async hover(uri: string, { line }: Position, signal: AbortSignal): Promise<Hover | null> {
    const document = this.host.documents.get(uri);
    const manifest = manifestOf(uri);
    if (!document || !manifest) return null;
    const outline = this.outlineOf(document);
    const section = outline.sections.find((each) => each.line === line);
    if (section) return markdown(sectionCard(outline, section), line, outline.lineText(line).length);
    const tensor = outline.tensorAt(line);
    if (!tensor) return null;
    const late = AbortSignal.timeout(HOVER_LIMIT_MS);
    const detail = await this.compute.request(
      'deltalens/tensor',
      { path: manifest.path, tensor: tensor.name, bins: CARD_BINS },
      { signal: AbortSignal.any([signal, late]) },
    );
    if (signal.aborted) return null;
    const facts = tensor.text.slice(tensor.length).trim().split(/ +/);
    const card = tensorCard(tensor.name, facts, !detail.ok && late.aborted ? 'late' : detail);
    const actions = tensorActions(manifest.path, tensor.name, spectrumTarget(tensor));
    return markdown(`${card}\n\n${actions}`, line, tensor.length);
  }

  private async definition(uri: string, position: Position, signal: AbortSignal): Promise<Location[]> {
    const line = this.lineAt(uri, position);
    const file = pathOfUri(uri);
    if (line === null || file === null) return [];
    const { character } = position;
    return locations(
      await this.compute.request('deltalens/definition', { path: file, line, character }, { signal }),
    );
  }

  private async references(uri: string, position: Position, signal: AbortSignal): Promise<Location[]> {
    const asked = this.tensorAt(uri, position);
    if (!asked) return [];
    return locations(await this.compute.request('deltalens/references', asked, { signal }));
  }

  /** The tensor under the cursor: of a line of a manifest, or of a key of an index. */
  private tensorAt(uri: string, position: Position): { path: string; tensor: string } | null {
    const manifest = manifestOf(uri);
    if (manifest) {
      const tensor = this.ask(uri, (outline) => outline.tensorAt(position.line));
      return tensor && { path: manifest.path, tensor: tensor.name };
    }
    const file = pathOfUri(uri);
    const line = this.lineAt(uri, position);
    if (file === null || line === null) return null;
    const { character } = position;
    const found = stringAt({ path: file, line, lineNumber: position.line, character });
    return found?.here.isKey ? { path: file, tensor: found.here.value } : null;
  }

  private lineAt(uri: string, { line }: Position): string | null {
    const end = { line: line + 1, character: 0 };
    return this.host.documents.get(uri)?.getText({ start: { line, character: 0 }, end }) ?? null;
  }

  private ask<T>(uri: string, of: (outline: ManifestOutline, path: string, isSide: boolean) => T): T | null {
    const document = this.host.documents.get(uri);
    const manifest = manifestOf(uri);
    return document && manifest ? of(this.outlineOf(document), manifest.path, manifest.isSide) : null;
  }

  private outlineOf(document: TextDocument): ManifestOutline {
    const known = this.outlines.get(document);
    if (known?.version === document.version) return known.outline;
    const outline = new ManifestOutline(document.getText());
    this.outlines.set(document, { version: document.version, outline });
    return outline;
  }

  private publish(document: TextDocument, checkpoint: string): void {
    const findings = this.filesOf(document, checkpoint).flatMap((file) => this.host.findings(file));
    const diagnostics = manifestDiagnostics(this.outlineOf(document), findings);
    void this.connection.sendDiagnostics({ uri: document.uri, diagnostics });
  }

  /** The checkpoint and the files that it consists of. */
  private filesOf(document: TextDocument, checkpoint: string): readonly string[] {
    const { files } = this.outlineOf(document);
    const folder = path.dirname(checkpoint);
    return [...new Set([checkpoint, ...files.map(({ name }) => path.resolve(folder, name))])];
  }
}

function locations(places: Result<readonly TensorPlace[]>): Location[] {
  return places.ok ? places.value.map(({ path: file, range }) => ({ uri: manifestUriOf(file), range })) : [];
}

function markdown(value: string, line: number, character: number): Hover {
  const range = { start: { line, character: 0 }, end: { line, character } };
  return { contents: { kind: 'markdown', value }, range };
}

function sectionCard(outline: ManifestOutline, { title, first, last }: SectionLines): string {
  let parameters = 0;
  let bytes = 0;
  let tensors = 0;
  for (let line = first; line <= last; line++) {
    const tensor = outline.tensorAt(line);
    if (!tensor) continue;
    const [, , count, size] = tensor.text.slice(tensor.length).trim().split(/ +/);
    parameters += Number(count);
    bytes += Number(size);
    tensors++;
  }
  const size = [counted(tensors, 'tensor'), counted(parameters, 'parameter'), bytesText(bytes)];
  return [`**${plain(title)}**`, size.join(' · ')].join('\n\n');
}
