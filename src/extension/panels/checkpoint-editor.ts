import * as path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointView } from '../../protocol/checkpoint';
import type { FromCheckpointEditor, ToCheckpointEditor } from '../../protocol/panel';
import type { Drawn } from '../api';
import type { AnalysisClient } from '../client';
import { Disposable } from '../disposable';
import type { LocalCopies } from '../copies/local-copies';
import type { ShownCopy } from '../hub-news';
import { nearestTensor } from './nearest-tensor';
import { showPage, webviewOptions } from './webview-page';
import { isCheckpointFilePath } from '../../protocol/checkpoint-names';

/** Opens `*.safetensors`, `*.pt`, `*.pth` and `*.gguf` without asking. */
export const CHECKPOINT_EDITOR = 'deltalens.checkpoint';
const OPENED_AT_ONCE = /\.(?:safetensors|pth?|gguf)$/;
/** Opens `*.safetensors.index.json`, which by default stays a text document, and names that others use, too (`*.bin`, `*.ckpt`, `*.npz`). */
export const SHARDED_EDITOR = 'deltalens.shardedCheckpoint';

interface CheckpointDocument extends vscode.CustomDocument {
  /** The tensor to select in the next page that is ready. */
  select?: string;
}

/** The read-only editors of checkpoints: they show the directory at once and statistics per tensor on demand. */
export class CheckpointEditors
  extends Disposable
  implements vscode.CustomReadonlyEditorProvider<CheckpointDocument>
{
  private readonly open = new Set<CheckpointPage>();
  /** Tensor to select in a document that is about to open, by URI. */
  private readonly waiting = new Map<string, string>();

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly client: AnalysisClient,
    private readonly copies: LocalCopies,
    private readonly drawn: vscode.EventEmitter<Drawn>,
  ) {
    super();
    for (const viewType of [CHECKPOINT_EDITOR, SHARDED_EDITOR]) {
      this.register(
        vscode.window.registerCustomEditorProvider(viewType, this, {
          supportsMultipleEditorsPerDocument: true,
        }),
      );
    }
  }

  /** Opens a checkpoint file or index, and selects a tensor in it where one is given. */
  async show(uri: vscode.Uri, select?: string): Promise<void> {
    const page = [...this.open].find((candidate) => candidate.uri.toString() === uri.toString());
    if (select !== undefined && !page) this.waiting.set(uri.toString(), select);
    const editor = OPENED_AT_ONCE.test(uri.path) ? CHECKPOINT_EDITOR : SHARDED_EDITOR;
    await vscode.commands.executeCommand('vscode.openWith', uri, editor);
    if (select !== undefined) page?.select(select);
  }

  /** The checkpoint whose editor is in front. */
  get active(): vscode.Uri | undefined {
    return [...this.open].find((page) => page.isActive)?.uri;
  }

  /** Copies of models of the Hub that are shown. */
  get hubCopies(): readonly ShownCopy[] {
    return [...this.open].flatMap((page) => page.hubCopy ?? []);
  }

  openCustomDocument(uri: vscode.Uri): CheckpointDocument {
    return { uri, dispose: () => undefined };
  }

  resolveCustomEditor(document: CheckpointDocument, panel: vscode.WebviewPanel): void {
    const key = document.uri.toString();
    const page = new CheckpointPage(panel, document.uri, this.waiting.get(key), {
      extension: this.extension,
      client: this.client,
      copies: this.copies,
      drawn: this.drawn,
      show: (uri) => this.show(uri),
    });
    this.waiting.delete(key);
    this.open.add(page);
    panel.onDidDispose(() => {
      this.open.delete(page);
      page.dispose();
    });
  }
}

interface Surroundings {
  readonly extension: vscode.ExtensionContext;
  readonly client: AnalysisClient;
  readonly copies: LocalCopies;
  readonly drawn: vscode.EventEmitter<Drawn>;
  readonly show: (uri: vscode.Uri) => Promise<void>;
}

/** One editor tab. */
class CheckpointPage extends Disposable {
  private view: CheckpointView | undefined;
  private ready = false;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    readonly uri: vscode.Uri,
    private wanted: string | undefined,
    private readonly around: Surroundings,
  ) {
    super();
    panel.webview.options = webviewOptions(around.extension);
    this.register(
      panel.webview.onDidReceiveMessage((message: FromCheckpointEditor) => void this.receive(message)),
    );
    this.watchFiles();
    showPage(panel.webview, around.extension, 'checkpoint');
  }

  get isActive(): boolean {
    return this.panel.active;
  }

  get hubCopy(): ShownCopy | undefined {
    const { origin } = this.view ?? {};
    if (!origin) return undefined;
    const file = this.uri.path.split(`/${origin.commit}/`)[1];
    return file === undefined ? undefined : { origin, file };
  }

  /** Selects a tensor: now, or when the page is ready. */
  select(tensor: string): void {
    this.wanted = tensor;
    if (this.ready && this.view) this.sendSelection(this.view);
  }

  private async receive(message: FromCheckpointEditor): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        return this.load();
      case 'tensor':
        return this.sendTensor(message.request, message.tensor);
      case 'open':
        return this.openOther(message.path);
      case 'command':
        return vscode.commands.executeCommand(COMMANDS[message.command], this.uri);
      case 'drawn':
        this.around.drawn.fire({ page: 'checkpoint', title: shownPlace(this.uri), count: message.rows });
    }
  }

  private async load(): Promise<void> {
    const { client, copies } = this.around;
    const path = await copies.localPath(this.uri);
    if (!path.ok) return this.post({ type: 'failed', problem: path.problem });
    const answer = await client.request('deltalens/inspect', { path: path.value, roots: copies.roots() });
    if (!answer.ok) return this.post({ type: 'failed', problem: answer.problem });
    this.view = answer.value;
    const select = this.takeSelection(answer.value);
    const view = withAddresses(answer.value, copies);
    this.post({ type: 'checkpoint', view, ...(select === null ? {} : { select }) });
  }

  private sendSelection(view: CheckpointView): void {
    const tensor = this.takeSelection(view);
    if (tensor !== null) this.post({ type: 'select', tensor });
  }

  private takeSelection(view: CheckpointView): string | null {
    const wanted = this.wanted;
    this.wanted = undefined;
    return wanted === undefined ? null : nearestTensor(view.tensors.name, wanted);
  }

  private async sendTensor(request: number, tensor: string): Promise<void> {
    const path = this.around.copies.pathOf(this.uri);
    const detail = await this.around.client.request('deltalens/tensor', { path, tensor });
    this.post({ type: 'tensor', request, detail });
  }

  /** Opens only what the server itself named for this checkpoint. */
  private async openOther(shown: string): Promise<void> {
    const { copies } = this.around;
    const named = [
      this.view?.shardOf?.indexPath,
      this.view?.adapter?.basePath,
      ...(this.view?.files ?? []).map((file) => file.path),
    ];
    const path = named.find((each) => typeof each === 'string' && copies.shown(each) === shown);
    if (typeof path !== 'string') return;
    if (isCheckpointFilePath(path)) return this.around.show(copies.uriOf(path));
    await vscode.commands.executeCommand('deltalens.inspect', copies.uriOf(path));
  }

  /** Reads again after one of the files was written or removed; not before it has been quiet for a moment. */
  private watchFiles(): void {
    const folder = vscode.Uri.joinPath(this.uri, '..');
    const watcher = this.register(
      vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, '*')),
    );
    let timer: NodeJS.Timeout | undefined;
    const changed = (uri: vscode.Uri) => {
      // A copy of a commit of the Hub changes only in what has come of it.
      if (!this.shows(uri) || this.view?.origin) return;
      clearTimeout(timer);
      timer = setTimeout(() => this.ready && void this.load(), 300);
    };
    this.register(watcher.onDidChange(changed));
    this.register(watcher.onDidCreate(changed));
    this.register(watcher.onDidDelete(changed));
    this.register({ dispose: () => clearTimeout(timer) });
  }

  private shows(uri: vscode.Uri): boolean {
    const name = path.basename(uri.fsPath);
    const file = this.around.copies.pathOf(uri);
    return (
      uri.path === this.uri.path ||
      name === 'adapter_config.json' ||
      name === 'config.json' ||
      (this.view?.files ?? []).some((each) => each.path === file)
    );
  }

  private post(message: ToCheckpointEditor): void {
    if (!this.isDisposed) void this.panel.webview.postMessage(message);
  }
}

function shownPlace(uri: vscode.Uri): string {
  return uri.scheme === 'file' ? uri.fsPath : uri.toString(true);
}

/** What the page shows of a copy: where it was copied from. */
function withAddresses(view: CheckpointView, copies: LocalCopies): CheckpointView {
  if (!copies.isCopy(view.path)) return view;
  const shown = (text: string) => copies.shown(text);
  const { adapter, shardOf } = view;
  return {
    ...view,
    path: shown(view.path),
    files: view.files.map((file) => ({ ...file, path: shown(file.path) })),
    findings: view.findings.map((finding) => ({ ...finding, message: shown(finding.message) })),
    ...(adapter ? { adapter: { ...adapter, basePath: adapter.basePath && shown(adapter.basePath) } } : {}),
    ...(shardOf ? { shardOf: { ...shardOf, indexPath: shown(shardOf.indexPath) } } : {}),
  };
}

const COMMANDS = {
  compareWithBase: 'deltalens.compareWithBase',
  runLens: 'deltalens.runLens',
  showLog: 'deltalens.showLog',
} as const;
