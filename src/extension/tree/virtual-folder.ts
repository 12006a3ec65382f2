import * as path from 'node:path';
import * as vscode from 'vscode';
import { findCheckpoints } from '../copies/virtual-checkpoints';

/** A workspace folder of a file system without local paths, and the checkpoints in it. */
export interface VirtualFolder {
  readonly name: string;
  readonly uri: vscode.Uri;
  readonly files: readonly vscode.Uri[];
}

/** Looks for checkpoints by their names in the workspace folders that are not on disk; opens none. */
export async function findVirtualFolders(): Promise<VirtualFolder[]> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme !== 'file');
  return Promise.all(
    folders.map(async ({ name, uri }) => {
      const found = await findCheckpoints(uri.path, (below) => list(uri.with({ path: below })));
      return { name, uri, files: found.map((file) => uri.with({ path: file })) };
    }),
  );
}

async function list(uri: vscode.Uri): Promise<{ name: string; isFolder: boolean }[]> {
  try {
    const entries = await vscode.workspace.fs.readDirectory(uri);
    return entries.map(([name, type]) => ({ name, isFolder: type === vscode.FileType.Directory }));
  } catch {
    return [];
  }
}

/** A file with the folder that it lies in, which is what tells checkpoints apart. */
export function shortPath({ path: full }: vscode.Uri): string {
  return path.posix.join(path.posix.basename(path.posix.dirname(full)), path.posix.basename(full));
}
