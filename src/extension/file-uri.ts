import * as vscode from 'vscode';
import { failure, success, type Result } from '../protocol/result';

/**
 * The absolute path behind a URI. Fails with `not-on-disk` for a file system that the analysis server, an ordinary
 * process, cannot read.
 */
export function pathOf(uri: vscode.Uri): Result<string> {
  if (uri.scheme === 'file') return success(uri.fsPath);
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
