import {
  DidChangeWatchedFilesNotification,
  FileChangeType,
  TextDocumentSyncKind,
  WatchKind,
  type CompletionItem,
  type CompletionParams,
  type Connection,
  type Hover,
  type HoverParams,
  type InitializeParams,
  type InitializeResult,
  type WorkspaceFoldersChangeEvent,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import path from 'node:path';
import type { WorkspaceContents } from '../protocol/explorer';
import { CodeMentions } from './code/code-mentions';
import { quickFixes } from './code-actions';
import { completionItem } from './completion';
import type { Compute } from './compute-processes';
import { Debounce } from './debounce';
import { diagnosticOf } from './diagnostics';
import { isKnown, openDocuments } from './documents';
import { pathOfUri, uriOfPath } from './file-uri';
import { forwardRequests, signalOf } from './forwarding';
import { isLinted } from './linted';
import { LintService } from './lint-service';
import { ManifestFeatures } from './manifest/manifest-features';
import { registerFeatures, STATIC_FEATURES } from './registered-features';
import {
  askAboveFrom,
  cacheFolderFrom,
  cacheSettingsFrom,
  DEFAULT_CACHE_LIMIT,
  DEFAULT_SCAN_LIMIT,
  hubSettingsFrom,
  missingCheckpointsFrom,
  scanLimitFrom,
} from './settings';

const CONTENTS_SETTLE_MS = 300;

/** Connects what an editor says with the compute process and with the service that keeps diagnostics up to date. */
export class AnalysisServer {
  private readonly documents = openDocuments();
  /** By path, since an editor may write a URI in another way than we do. */
  private readonly openUris = new Map<string, string>();
  private readonly lint: LintService;
  private readonly manifests: ManifestFeatures;
  private readonly code: CodeMentions;
  private readonly contents = new Debounce(CONTENTS_SETTLE_MS, () => {
    void this.connection.sendNotification('deltalens/contentsChanged', {});
  });
  private roots: string[] = [];
  private known: readonly string[] = [];
  private scanLimit = DEFAULT_SCAN_LIMIT;
  private cacheFolder: string | null = null;
  private cacheLimit = DEFAULT_CACHE_LIMIT;
  private hashContents = false;
  private askAbove: number | null = null;
  private hub: ReturnType<typeof hubSettingsFrom> = { token: null, folder: null };
  private can = { registerWatchers: false, registerFeatures: false, changeFolders: false };

  constructor(
    private readonly connection: Connection,
    private readonly compute: Compute,
  ) {
    this.lint = new LintService(compute, {
      roots: () => this.roots,
      document: (file) => this.documentAt(file),
      publish: (file, findings) => {
        const diagnostics = findings.map(diagnosticOf);
        void connection.sendDiagnostics({ uri: this.uriFor(file), diagnostics });
        this.manifests.findingsChanged(file);
      },
      log: (message) => connection.console.warn(message),
    });
    this.manifests = new ManifestFeatures(connection, compute, {
      documents: this.documents,
      findings: (file) => this.lint.known(file),
      check: (file) => this.lint.openedOrSaved(file),
    });
    this.code = new CodeMentions(connection, compute, {
      documents: this.documents,
      roots: () => this.roots,
      findings: (file) => this.lint.known(file),
    });
  }

  /** Starts to serve. */
  listen(): void {
    const { connection } = this;
    connection.onInitialize((params) => this.initialize(params));
    connection.onInitialized(() => this.initialized());
    connection.onShutdown(() => this.compute.close());
    connection.onDidChangeConfiguration(({ settings }) => this.configurationChanged(settings));
    connection.onHover((params, token) => this.hover(params, signalOf(token)));
    connection.onCompletion((params, token) => this.complete(params, signalOf(token)));
    connection.onCodeAction(({ textDocument, range }) => {
      const file = pathOfUri(textDocument.uri);
      if (file === null) return [];
      return quickFixes(this.lint.current(file), range, (target) => this.editTarget(target));
    });
    connection.onDidChangeWatchedFiles(({ changes }) => {
      for (const change of changes) this.fileChanged(change.uri, change.type);
    });
    this.manifests.listen();
    connection.onDocumentLinks(
      ({ textDocument: { uri } }) => this.manifests.links(uri) ?? this.code.links(uri),
    );
    forwardRequests(connection, this.compute, (name, result) => {
      if (name === 'deltalens/explore' && result.ok) this.learn(result.value as WorkspaceContents);
    });
    this.followDocuments();
    this.documents.listen(connection);
    connection.listen();
  }

  private initialize({
    capabilities,
    initializationOptions,
    workspaceFolders,
  }: InitializeParams): InitializeResult {
    this.can = {
      registerWatchers: capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
      registerFeatures: capabilities.textDocument?.foldingRange?.dynamicRegistration === true,
      changeFolders: capabilities.workspace?.workspaceFolders === true,
    };
    this.scanLimit = scanLimitFrom(initializationOptions) ?? DEFAULT_SCAN_LIMIT;
    this.cacheFolder = cacheFolderFrom(initializationOptions);
    this.takeSettings(initializationOptions);
    this.hub = hubSettingsFrom(initializationOptions);
    this.configure();
    this.roots = pathsOf(workspaceFolders ?? []);
    return {
      serverInfo: { name: 'deltalens' },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
        hoverProvider: true,
        ...(this.can.registerFeatures ? {} : STATIC_FEATURES),
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  }

  private async initialized(): Promise<void> {
    const { client, workspace } = this.connection;
    if (this.can.registerWatchers) {
      // A folder that goes takes its files along without naming them. The files themselves the client watches.
      const watchers = [{ globPattern: '**/*', kind: WatchKind.Delete }];
      await client.register(DidChangeWatchedFilesNotification.type, { watchers });
    }
    if (this.can.registerFeatures) await registerFeatures(client);
    if (this.can.changeFolders) workspace.onDidChangeWorkspaceFolders((change) => this.rootsChanged(change));
    await this.checkAll();
  }

  /** Looks through the workspace without being asked, so that problems show before anything is opened. */
  private async checkAll(): Promise<void> {
    const { roots } = this;
    if (roots.length === 0) return;
    const result = await this.compute.request('deltalens/explore', { roots }, { background: true });
    if (!result.ok) {
      this.connection.console.warn(`The workspace was not looked through: ${result.problem.message}`);
      return;
    }
    this.learn(result.value);
    await this.lint.checkAll(result.value);
  }

  private learn(contents: WorkspaceContents): void {
    this.known = contents.families.flatMap((family) => family.entries.map((entry) => entry.path));
    this.configure();
    this.lint.learn(contents);
  }

  private configure(): void {
    const { scanLimit, known, cacheFolder, cacheLimit, hashContents, hub, askAbove } = this;
    const cache = cacheFolder === null ? null : { path: cacheFolder, limit: cacheLimit };
    this.compute.configure({ scanLimit, known, cache, hashContents, hub, askAbove });
  }

  private takeSettings(settings: unknown): void {
    const { limit, hashContents } = cacheSettingsFrom(settings);
    this.cacheLimit = limit ?? this.cacheLimit;
    this.hashContents = hashContents ?? this.hashContents;
    this.askAbove = askAboveFrom(settings) ?? this.askAbove;
    const tellMissing = missingCheckpointsFrom(settings);
    if (tellMissing !== undefined) this.code.configure(tellMissing);
  }

  private configurationChanged(settings: unknown): void {
    this.takeSettings(settings);
    this.configure();
    const scanLimit = scanLimitFrom(settings);
    if (scanLimit === undefined || scanLimit === this.scanLimit) return;
    this.scanLimit = scanLimit;
    this.configure();
    void this.checkAll();
  }

  private rootsChanged({ added, removed }: WorkspaceFoldersChangeEvent): void {
    const gone = new Set(pathsOf(removed));
    this.roots = [...this.roots.filter((root) => !gone.has(root)), ...pathsOf(added)];
    this.contents.mention('');
    void this.checkAll();
  }

  private fileChanged(uri: string, type: FileChangeType): void {
    const file = pathOfUri(uri);
    if (file === null) return;
    const isOurs = isLinted(file) || path.basename(file) === 'config.json';
    const tookOursAlong =
      type === FileChangeType.Deleted && this.known.some((known) => known.startsWith(file + path.sep));
    if (isOurs || tookOursAlong) {
      this.contents.mention('');
      if (type !== FileChangeType.Changed) this.code.lookAgain();
    }
    this.lint.changedOnDisk(file, type === FileChangeType.Changed ? 'written' : 'came-or-went');
  }

  private followDocuments(): void {
    const { documents, lint } = this;
    const at = (document: TextDocument, act: (file: string) => void) => {
      const file = pathOfUri(document.uri);
      if (file !== null) act(file);
    };
    documents.onDidOpen(({ document }) =>
      at(document, (file) => {
        this.openUris.set(file, document.uri);
        lint.openedOrSaved(file);
      }),
    );
    documents.onDidChangeContent(({ document }) => {
      at(document, (file) => lint.edited(file));
      this.manifests.changed(document);
      this.code.changed(document);
    });
    documents.onDidSave(({ document }) => at(document, (file) => lint.openedOrSaved(file)));
    documents.onDidClose(({ document }) => {
      at(document, (file) => {
        this.openUris.delete(file);
        lint.closed(file);
      });
      this.manifests.closed(document);
      this.code.closed(document);
    });
  }

  private async hover({ textDocument, position }: HoverParams, signal: AbortSignal): Promise<Hover | null> {
    const document = this.documents.get(textDocument.uri);
    const file = pathOfUri(textDocument.uri);
    if (!document || !isKnown(document)) return null;
    if (file === null) return this.manifests.hover(textDocument.uri, position, signal);
    if (this.code.isCode(textDocument.uri)) return this.code.hover(textDocument.uri, position, signal);
    const lineNumber = position.line;
    const line = document.getText({
      start: { line: lineNumber, character: 0 },
      end: { line: lineNumber + 1, character: 0 },
    });
    const result = await this.compute.request(
      'deltalens/hover',
      { path: file, line, lineNumber, character: position.character, roots: this.roots },
      { signal },
    );
    if (!result.ok || !result.value) return null;
    return { contents: { kind: 'markdown', value: result.value.markdown }, range: result.value.range };
  }

  private async complete(
    { textDocument, position }: CompletionParams,
    signal: AbortSignal,
  ): Promise<CompletionItem[]> {
    const document = this.documents.get(textDocument.uri);
    const file = pathOfUri(textDocument.uri);
    if (!document || !isKnown(document) || file === null) return [];
    const place = { path: file, text: document.getText(), ...position };
    const result = await this.compute.request('deltalens/complete', place, { signal });
    return result.ok ? result.value.map((entry, index) => completionItem(entry, position, index)) : [];
  }

  private documentAt(file: string): TextDocument | undefined {
    const uri = this.openUris.get(file);
    return uri === undefined ? undefined : this.documents.get(uri);
  }

  private uriFor(file: string): string {
    return this.openUris.get(file) ?? uriOfPath(file);
  }

  private editTarget(file: string): { uri: string; version: number | null } {
    return { uri: this.uriFor(file), version: this.documentAt(file)?.version ?? null };
  }
}

function pathsOf(folders: readonly { readonly uri: string }[]): string[] {
  return folders.map((folder) => pathOfUri(folder.uri)).filter((file) => file !== null);
}
