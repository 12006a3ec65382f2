import * as vscode from 'vscode';
import { MANIFEST_ENDING, MANIFEST_SCHEME } from '../protocol/manifest';
import { failure, success, type Result } from '../protocol/result';

/**
 * The absolute path behind a URI; of a manifest, that of its checkpoint. Fails with `not-on-disk` for a file system that the analysis server, an ordinary
 * process, cannot read.
 */
export function pathOf(uri: vscode.Uri): Result<string> {
  if (uri.scheme === 'file') return success(uri.fsPath);
  if (uri.scheme === MANIFEST_SCHEME) {
    return success(uri.with({ scheme: 'file', path: uri.path.slice(0, -MANIFEST_ENDING.length) }).fsPath);
  }
  return failure({
    code: 'not-on-disk',
    message: vscode.l10n.t(
      '{0} is not on a disk of this machine, so Deltalens cannot read it.',
      uri.toString(true),
    ),
    action: vscode.l10n.t(
      'Copy it to a local folder, or open the folder in a remote window on the machine that has it.',
    ),
  });
}

/** The paths of the workspace folders that are on disk. */
export function workspaceRoots(): string[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter((folder) => folder.uri.scheme === 'file')
    .map((folder) => folder.uri.fsPath);
}
