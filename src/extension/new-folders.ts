import * as vscode from 'vscode';
import { Disposable } from './disposable';
import { topmost } from './topmost';

const SETTLE_MS = 500;
/** New files and folders at a time that are looked at; a build that writes more writes no checkpoints. */
const MOST_NEW = 200;
const MOST_FILES = 1000;

/**
 * Tells which of the files that matter come with a new folder. A folder that is moved or unpacked into the workspace
 * is reported by itself only: watchers of the files in it hear nothing.
 */
export class NewFolders extends Disposable {
  private readonly waiting = new Map<string, vscode.Uri>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly files: string,
    private readonly found: (files: readonly vscode.Uri[]) => void,
  ) {
    super();
    const watcher = this.register(vscode.workspace.createFileSystemWatcher('**/*', false, true, true));
    this.register(watcher.onDidCreate((uri) => this.mention(uri)));
    this.register({ dispose: () => clearTimeout(this.timer) });
  }

  private mention(uri: vscode.Uri): void {
    if (uri.scheme !== 'file') return;
    this.waiting.set(uri.path, uri);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), SETTLE_MS);
  }

  private async look(): Promise<void> {
    const uris = topmost([...this.waiting.keys()]).flatMap((path) => this.waiting.get(path) ?? []);
    this.waiting.clear();
    for (const uri of uris.slice(0, MOST_NEW)) {
      if (!(await isFolder(uri)) || this.isDisposed) continue;
      const pattern = new vscode.RelativePattern(uri, this.files);
      const files = await vscode.workspace.findFiles(pattern, undefined, MOST_FILES);
      if (files.length > 0) this.found(files);
    }
  }
}

async function isFolder(uri: vscode.Uri): Promise<boolean> {
  try {
    return ((await vscode.workspace.fs.stat(uri)).type & vscode.FileType.Directory) !== 0;
  } catch {
    return false; // It has gone in the meantime.
  }
}
