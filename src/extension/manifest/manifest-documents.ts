import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { MANIFEST_ENDING, MANIFEST_SCHEME } from '../../protocol/manifest';
import type { Problem } from '../../protocol/result';
import type { AnalysisClient } from '../client';
import { Disposable } from '../disposable';
import type { LocalCopies } from '../copies/local-copies';
import { pathOf } from '../file-uri';

/** Files are written in pieces: quiet for this long counts as done. */
const SETTLE_MS = 300;

/**
 * Read-only documents that show checkpoints as text. They follow their files while they are open. A file system and not mere
 * contents, since VS Code shows breadcrumbs for nothing else, and wakes the extension for it after a reload.
 */
export class ManifestDocuments extends Disposable implements vscode.FileSystemProvider {
  private readonly change = this.register(new vscode.EventEmitter<vscode.FileChangeEvent[]>());
  /** When a text was last made or may have become another, by its URI: later than all times before. */
  private readonly times = new Map<string, number>();
  readonly onDidChangeFile = this.change.event;

  constructor(
    private readonly client: AnalysisClient,
    private readonly copies: LocalCopies,
    private readonly storage: vscode.Uri,
  ) {
    super();
    const options = { isReadonly: true, isCaseSensitive: true };
    this.register(vscode.workspace.registerFileSystemProvider(MANIFEST_SCHEME, this, options));
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    const key = uri.toString();
    const mtime = this.times.get(key) ?? Date.now();
    this.times.set(key, mtime);
    // The size is that of a text that has not been made yet; nobody but a question about large files looks at it.
    return {
      type: vscode.FileType.File,
      ctime: 0,
      mtime,
      size: 0,
      permissions: vscode.FilePermission.Readonly,
    };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const bytes = await this.contents(uri);
    return typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  }

  watch(uri: vscode.Uri): vscode.Disposable {
    const files = filesOf(uri).map((file) => this.copies.uriOf(file));
    let timer: NodeJS.Timeout | undefined;
    const changed = (changedFile: vscode.Uri) => {
      if (!files.some((file) => concerns(file, changedFile))) return;
      clearTimeout(timer);
      timer = setTimeout(() => this.tellChanged(uri), SETTLE_MS);
    };
    const folders = new Map(
      files.map((file) => vscode.Uri.joinPath(file, '..')).map((uri) => [uri.toString(), uri]),
    );
    const watchers = [...folders.values()].map((folder) => {
      const pattern = new vscode.RelativePattern(folder, '*');
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      watcher.onDidChange(changed);
      watcher.onDidCreate(changed);
      watcher.onDidDelete(changed);
      return watcher;
    });
    return vscode.Disposable.from(...watchers, { dispose: () => clearTimeout(timer) });
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  private async contents(uri: vscode.Uri): Promise<Uint8Array | string> {
    const against = againstOf(uri);
    for (const file of filesOf(uri)) {
      const copy = await this.copies.localPath(vscode.Uri.file(file));
      if (!copy.ok) return problemText(uri, copy.problem);
    }
    const into = path.join(await this.folder(), `${randomUUID()}.manifest`);
    try {
      const answer = await this.client.request('deltalens/manifest', {
        path: pathOf(uri) ?? uri.fsPath,
        roots: this.copies.roots(),
        into,
        ...(against === null ? {} : { against }),
      });
      if (!answer.ok) return problemText(uri, answer.problem);
      const bytes = await fs.readFile(into);
      return filesOf(uri).some((file) => this.copies.isCopy(file))
        ? this.copies.shown(bytes.toString())
        : bytes;
    } finally {
      await fs.rm(into, { force: true });
    }
  }

  /** Where the server puts texts. */
  private async folder(): Promise<string> {
    const folder = path.join(this.storage.fsPath, 'manifests');
    await fs.mkdir(folder, { recursive: true });
    return folder;
  }

  private tellChanged(uri: vscode.Uri): void {
    const key = uri.toString();
    this.times.set(key, Math.max(Date.now(), (this.times.get(key) ?? 0) + 1));
    this.change.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }
}

/** The other checkpoint of a comparison. */
function againstOf(uri: vscode.Uri): string | null {
  return new URLSearchParams(uri.query).get('against');
}

/** The checkpoints that a manifest depends on. */
function filesOf(uri: vscode.Uri): readonly string[] {
  const file = pathOf(uri);
  const against = againstOf(uri);
  return [...(file === null ? [] : [file]), ...(against === null ? [] : [against])];
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
function concerns(file: vscode.Uri, changed: vscode.Uri): boolean {
  if (changed.scheme !== file.scheme) return false;
  if (changed.fsPath === file.fsPath) return true;
  if (path.dirname(changed.fsPath) !== path.dirname(file.fsPath)) return false;
  const name = path.basename(changed.fsPath);
  const isShard = file.path.endsWith('.index.json') && name.endsWith('.safetensors');
  return isShard || name === 'adapter_config.json' || name === 'config.json';
}

/** What is shown where there is no manifest: comments, so that nothing takes it for one. */
function problemText(uri: vscode.Uri, { message, action }: Problem): string {
  const name = path.posix.basename(uri.path, MANIFEST_ENDING);
  const lines = [`checkpoint manifest: ${name}`, '', message, action];
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n') + '\n';
}
