import * as path from 'node:path';
import * as vscode from 'vscode';

/** A file system in memory, as extensions bring them: no file has a local path. Folders are there where files are. */
export class MemoryFiles implements vscode.FileSystemProvider {
  private readonly change = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  private readonly files = new Map<string, { bytes: Uint8Array; mtime: number }>();
  readonly onDidChangeFile = this.change.event;
  /** How often each file was read. */
  readonly reads = new Map<string, number>();

  /** Puts a file there; whoever watches hears of it. */
  put(uri: vscode.Uri, bytes: Uint8Array): void {
    const before = this.files.get(uri.path);
    this.files.set(uri.path, { bytes, mtime: Math.max(Date.now(), (before?.mtime ?? 0) + 10) });
    this.change.fire([{ type: before ? vscode.FileChangeType.Changed : vscode.FileChangeType.Created, uri }]);
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    const file = this.files.get(uri.path);
    if (file) return { type: vscode.FileType.File, ctime: 0, mtime: file.mtime, size: file.bytes.length };
    if (this.readDirectory(uri).length > 0)
      return { type: vscode.FileType.Directory, ctime: 0, mtime: 0, size: 0 };
    throw vscode.FileSystemError.FileNotFound(uri);
  }

  readFile(uri: vscode.Uri): Uint8Array {
    const file = this.files.get(uri.path);
    if (!file) throw vscode.FileSystemError.FileNotFound(uri);
    this.reads.set(uri.path, (this.reads.get(uri.path) ?? 0) + 1);
    return file.bytes;
  }

  readDirectory(uri: vscode.Uri): [string, vscode.FileType][] {
    const found = new Map<string, vscode.FileType>();
    for (const file of this.files.keys()) {
      const relative = path.posix.relative(uri.path, file);
      if (relative === '' || relative.startsWith('..')) continue;
      const [name = '', ...below] = relative.split('/');
      found.set(name, below.length > 0 ? vscode.FileType.Directory : vscode.FileType.File);
    }
    return [...found];
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
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
}
