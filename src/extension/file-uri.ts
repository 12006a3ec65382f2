import * as vscode from 'vscode';
import { MANIFEST_ENDING, MANIFEST_SCHEME } from '../protocol/manifest';

/**
 * The absolute path behind a URI; of a manifest, that of its checkpoint. `null` for a file system that the analysis server, an
 * ordinary process, cannot read: `LocalCopies` has what is copied of it.
 */
export function pathOf(uri: vscode.Uri): string | null {
  if (uri.scheme === 'file') return uri.fsPath;
  if (uri.scheme !== MANIFEST_SCHEME) return null;
  return uri.with({ scheme: 'file', path: uri.path.slice(0, -MANIFEST_ENDING.length) }).fsPath;
}

/** The paths of the workspace folders that are on disk. */
export function workspaceRoots(): string[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter((folder) => folder.uri.scheme === 'file')
    .map((folder) => folder.uri.fsPath);
}
