import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { cancelled, failure, problemFromError, success, type Result } from '../../protocol/result';
import { Disposable } from '../disposable';
import { pathOf, workspaceRoots } from '../file-uri';
import { byteSize } from '../tree/describe';
import { besideByName, CONFIGURATIONS, namedInside, namesOthers } from './beside';
import { CopyStore, type FileState } from './copy-store';

const MIB = 2 ** 20;
/** Less is copied before one could read how far it is. */
const WORTH_TELLING = 16 * MIB;

/** A file, and what its file system says of it. */
interface Source extends FileState {
  readonly uri: vscode.Uri;
}

/**
 * Checkpoints of file systems without local paths (`vscode-vfs:` and the like) as copies in the extension's own storage, which the
 * analysis server can read. VS Code reads such files as a whole only, so what a checkpoint consists of is copied as a whole.
 */
export class LocalCopies extends Disposable {
  private readonly copied = this.register(new vscode.EventEmitter<readonly vscode.Uri[]>());
  private readonly running = new Map<string, Promise<Result<string>>>();
  private readonly store: CopyStore;
  /** Fires with the copies that were just made. */
  readonly onCopied = this.copied.event;

  constructor(storage: vscode.Uri) {
    super();
    this.store = new CopyStore(vscode.Uri.joinPath(storage, 'copies').fsPath);
  }

  /** The path behind a URI: of a file that has none, that of its copy, whether it has been made or not. */
  pathOf(uri: vscode.Uri): string {
    const own = pathOf(uri);
    return own ?? this.store.pathOf(uri);
  }

  /** The URI of a path, which of a copy is that of its original. */
  uriOf(file: string): vscode.Uri {
    const place = this.store.placeOf(file);
    return place ? vscode.Uri.from(place) : vscode.Uri.file(file);
  }

  /** Whether a path is that of a copy. */
  isCopy(file: string): boolean {
    return this.store.placeOf(file) !== null;
  }

  /** Where something may be written that is proposed at a path: not among copies, which go when they are not used. */
  placeToWrite(proposed: string): string {
    return this.isCopy(proposed) ? path.join(homedir(), path.basename(proposed)) : proposed;
  }

  /** The workspace folders that are on disk, and what is copied of the others. */
  roots(): string[] {
    const others = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => pathOf(uri) === null);
    const copied = others.map(({ uri }) => this.store.pathOf(uri)).filter((folder) => existsSync(folder));
    return [...workspaceRoots(), ...copied];
  }

  /** A text with the addresses of originals where it has the paths of copies. */
  shown(text: string): string {
    return this.store.roots().reduce((shown, [folder, { scheme, authority }]) => {
      const address = authority === '' ? `${scheme}:` : `${scheme}://${authority}`;
      return shown.replaceAll(folder + path.sep, `${address}/`);
    }, text);
  }

  /**
   * The path at which a file can be read: its own, or that of a copy that is as the file is now, with whatever belongs to it. Asks
   * before much is copied. Fails with what the file system says, or `cancelled`.
   */
  async localPath(uri: vscode.Uri): Promise<Result<string>> {
    const own = pathOf(uri);
    const place = own === null ? uri : this.copyBehind(own);
    if (place === null) return success(own ?? uri.fsPath);
    const key = place.toString();
    const running = this.running.get(key) ?? this.copy(place);
    this.running.set(key, running);
    try {
      return await running;
    } finally {
      this.running.delete(key);
    }
  }

  /** Removes all copies; what is open is copied again when it is next read. Returns how many bytes they had. */
  clear(): Promise<number> {
    return this.store.clear();
  }

  private copyBehind(file: string): vscode.Uri | null {
    const place = this.store.placeOf(file);
    return place && vscode.Uri.from(place);
  }

  private async copy(uri: vscode.Uri): Promise<Result<string>> {
    const main = this.store.pathOf(uri);
    const folder = vscode.Uri.joinPath(uri, '..');
    const name = path.posix.basename(uri.path);
    try {
      const own = await sourceOf(uri);
      // What is beside a file that a query points to (a version in a repository) has another query.
      const names = uri.query === '' ? await namesIn(folder) : [];
      const byName = await sourcesIn(folder, besideByName(name, names));
      const first = await this.bring(uri, [own, ...byName]);
      if (!first.ok) return first;
      const named = namesOthers(name)
        ? namedInside(name, await vscode.workspace.fs.readFile(vscode.Uri.file(main)), names)
        : [];
      const more = await sourcesIn(folder, named);
      const second = await this.bring(uri, more);
      if (!second.ok) return second;
      const sources = [own, ...byName, ...more];
      await this.forgetMissing(folder, [...besideByName(name, CONFIGURATIONS), ...named], sources);
      if (first.value || second.value) await this.prune(sources);
      return success(main);
    } catch (error) {
      return this.unreachable(uri, main, error);
    }
  }

  /** Copies what is not there as it is now. Whether anything was copied. */
  private async bring(uri: vscode.Uri, sources: readonly Source[]): Promise<Result<boolean>> {
    const wanted: Source[] = [];
    for (const source of sources) {
      if (!(await this.store.isCurrent(this.store.pathOf(source.uri), source))) wanted.push(source);
    }
    if (wanted.length === 0) return success(false);
    const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
    if (bytes > limit('copyLimitMiB', 512) && !(await mayCopy(uri, bytes))) return cancelled();
    const isLong = bytes > WORTH_TELLING;
    const options = {
      location: isLong ? vscode.ProgressLocation.Notification : vscode.ProgressLocation.Window,
      title: vscode.l10n.t('Copying {0} to this machine', path.posix.basename(uri.path)),
      cancellable: isLong,
    };
    const copied = await vscode.window.withProgress(options, (progress, token) =>
      this.copyAll(wanted, bytes, progress, token),
    );
    if (copied.ok) this.copied.fire(wanted.map((source) => vscode.Uri.file(this.store.pathOf(source.uri))));
    return copied;
  }

  private async copyAll(
    wanted: readonly Source[],
    bytes: number,
    progress: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ): Promise<Result<boolean>> {
    let done = 0;
    for (const { uri, size, mtime } of wanted) {
      progress.report({ message: `${byteSize(done)} / ${byteSize(bytes)}` });
      const content = await untilCancelled(vscode.workspace.fs.readFile(uri), token);
      if (content === null) return cancelled();
      await this.store.write(uri, content, mtime);
      done += size;
      progress.report({ increment: (100 * size) / Math.max(bytes, 1) });
    }
    return success(true);
  }

  /** What is gone where the checkpoint is from must not be read from an older copy. */
  private async forgetMissing(folder: vscode.Uri, names: readonly string[], sources: readonly Source[]) {
    const there = new Set(sources.map(({ uri }) => uri.toString()));
    for (const name of names) {
      const uri = vscode.Uri.joinPath(folder, name);
      if (!there.has(uri.toString())) await this.store.remove(this.store.pathOf(uri));
    }
  }

  private prune(sources: readonly Source[]): Promise<void> {
    const kept = new Set(sources.map(({ uri }) => this.store.pathOf(uri)));
    return this.store.prune(limit('keptCopiesMiB', 4096), kept);
  }

  /** A file system that does not answer leaves the copy that was made before; a file that is gone has none. */
  private async unreachable(uri: vscode.Uri, main: string, error: unknown): Promise<Result<string>> {
    const isGone = error instanceof vscode.FileSystemError && error.code === 'FileNotFound';
    const copy = isGone ? null : await sourceOf(vscode.Uri.file(main)).catch(() => null);
    if (copy) return success(main);
    const { message } = problemFromError(error);
    return failure({
      code: isGone ? 'file-missing' : 'not-copied',
      message: vscode.l10n.t('{0} could not be copied to this machine: {1}', uri.toString(true), message),
      action: isGone
        ? vscode.l10n.t('Check the path.')
        : vscode.l10n.t('Try again, or copy it to a local folder yourself.'),
    });
  }
}

async function sourceOf(uri: vscode.Uri): Promise<Source> {
  const { size, mtime } = await vscode.workspace.fs.stat(uri);
  return { uri, size, mtime };
}

/** Those of the names that are files; what is missing the server tells of. */
async function sourcesIn(folder: vscode.Uri, names: readonly string[]): Promise<Source[]> {
  const found = await Promise.all(
    names.map((name) => sourceOf(vscode.Uri.joinPath(folder, name)).catch(() => null)),
  );
  return found.filter((source) => source !== null);
}

async function namesIn(folder: vscode.Uri): Promise<readonly string[]> {
  try {
    const entries = await vscode.workspace.fs.readDirectory(folder);
    return entries.filter(([, type]) => (type & vscode.FileType.File) !== 0).map(([name]) => name);
  } catch {
    return CONFIGURATIONS; // Some file systems list nothing.
  }
}

function limit(name: 'copyLimitMiB' | 'keptCopiesMiB', otherwise: number): number {
  return MIB * vscode.workspace.getConfiguration('deltalens').get(name, otherwise);
}

async function mayCopy(uri: vscode.Uri, bytes: number): Promise<boolean> {
  const copy = vscode.l10n.t('Copy');
  const message = vscode.l10n.t(
    'Copy {0} of {1} to this machine?',
    byteSize(bytes),
    path.posix.basename(uri.path),
  );
  const detail = vscode.l10n.t(
    '{0} is not on a disk of this machine. It has to be copied before it can be read.',
    uri.toString(true),
  );
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, copy)) === copy;
}

/** `null` as soon as the user breaks off: VS Code itself reads on. */
function untilCancelled<T>(reading: Thenable<T>, token: vscode.CancellationToken): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const listening = token.onCancellationRequested(() => resolve(null));
    const done = () => void listening.dispose();
    reading.then(resolve, reject).then(done, done);
  });
}
