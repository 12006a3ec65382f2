import * as path from 'node:path';
import * as vscode from 'vscode';
import { MANIFEST_ENDING, MANIFEST_SCHEME } from '../../protocol/manifest';
import type { Problem } from '../../protocol/result';
import type { AnalysisClient } from '../client';
import { Disposable } from '../disposable';
import { pathOf, workspaceRoots } from '../file-uri';

/** Files are written in pieces: quiet for this long counts as done. */
const SETTLE_MS = 300;

/** Read-only documents that show checkpoints as text. They follow their files while they are open. */
export class ManifestDocuments extends Disposable implements vscode.TextDocumentContentProvider {
  private readonly change = this.register(new vscode.EventEmitter<vscode.Uri>());
  private readonly watched = new Map<string, vscode.Disposable>();
  readonly onDidChange = this.change.event;

  constructor(private readonly client: AnalysisClient) {
    super();
    this.register(vscode.workspace.registerTextDocumentContentProvider(MANIFEST_SCHEME, this));
    this.register(vscode.workspace.onDidCloseTextDocument(({ uri }) => this.unwatch(uri)));
    this.register({ dispose: () => void vscode.Disposable.from(...this.watched.values()).dispose() });
  }

  async provideTextDocumentContent(uri: vscode.Uri, token: vscode.CancellationToken): Promise<string> {
    const file = pathOf(uri);
    if (!file.ok) return problemText(uri, file.problem);
    const against = new URLSearchParams(uri.query).get('against');
    this.watch(uri, against === null ? [file.value] : [file.value, against]);
    const answer = await this.client.request(
      'deltalens/manifest',
      { path: file.value, roots: workspaceRoots(), ...(against === null ? {} : { against }) },
      token,
    );
    return answer.ok ? answer.value.text : problemText(uri, answer.problem);
  }

  private watch(uri: vscode.Uri, files: readonly string[]): void {
    const key = uri.toString();
    if (this.watched.has(key)) return;
    let timer: NodeJS.Timeout | undefined;
    const changed = (changedFile: vscode.Uri) => {
      if (!files.some((file) => concerns(file, changedFile.fsPath))) return;
      clearTimeout(timer);
      timer = setTimeout(() => this.change.fire(uri), SETTLE_MS);
    };
    const watchers = [...new Set(files.map((file) => path.dirname(file)))].map((folder) => {
      const watcher = vscode.workspace.createFileSystemWatcher(
        new vscode.RelativePattern(vscode.Uri.file(folder), '*'),
      );
      watcher.onDidChange(changed);
      watcher.onDidCreate(changed);
      watcher.onDidDelete(changed);
      return watcher;
    });
    this.watched.set(key, vscode.Disposable.from(...watchers, { dispose: () => clearTimeout(timer) }));
  }

  private unwatch(uri: vscode.Uri): void {
    const key = uri.toString();
    this.watched.get(key)?.dispose();
    this.watched.delete(key);
  }
}

/** The document that shows a checkpoint as text; as one side of a comparison where `against` is given. */
export function manifestUri(checkpoint: vscode.Uri, against?: vscode.Uri): vscode.Uri {
  return checkpoint.with({
    scheme: MANIFEST_SCHEME,
    path: checkpoint.path + MANIFEST_ENDING,
    query: against === undefined ? '' : new URLSearchParams({ against: against.fsPath }).toString(),
  });
}

/** Whether a changed file of the same folder can change what the manifest of `file` says. */
function concerns(file: string, changed: string): boolean {
  if (changed === file) return true;
  if (path.dirname(changed) !== path.dirname(file)) return false;
  const name = path.basename(changed);
  const isShard = file.endsWith('.index.json') && name.endsWith('.safetensors');
  return isShard || name === 'adapter_config.json' || name === 'config.json';
}

/** What is shown where there is no manifest: comments, so that nothing takes it for one. */
function problemText(uri: vscode.Uri, { message, action }: Problem): string {
  const name = path.posix.basename(uri.path, MANIFEST_ENDING);
  const lines = [`checkpoint manifest: ${name}`, '', message, action];
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n') + '\n';
}
