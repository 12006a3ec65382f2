import * as path from 'node:path';
import * as vscode from 'vscode';
import { isCheckpointFilePath } from '../../protocol/checkpoint-names';
import { mainFiles } from '../panels/main-file';

/** The file that the editor opens for a file or folder; asks where a folder holds several checkpoints. */
export async function editorFile(
  uri: vscode.Uri,
  { adapter, ask }: { readonly adapter: boolean; readonly ask: boolean },
): Promise<vscode.Uri | undefined> {
  const name = path.posix.basename(uri.path);
  const isConfig = name === 'adapter_config.json';
  if (!isConfig && isCheckpointFilePath(name)) return uri;
  const folder = isConfig ? vscode.Uri.joinPath(uri, '..') : uri;
  const files = mainFiles(await fileNames(folder), adapter || isConfig);
  if (files.length === 0) {
    const message = vscode.l10n.t(
      '{0} holds no checkpoint that Deltalens can open.',
      folder.scheme === 'file' ? folder.fsPath : folder.toString(true),
    );
    void vscode.window.showErrorMessage(message);
    return undefined;
  }
  const file =
    ask && !isConfig && files.length > 1
      ? await vscode.window.showQuickPick(files, { title: vscode.l10n.t('Inspect Checkpoint') })
      : files[0];
  return file === undefined ? undefined : vscode.Uri.joinPath(folder, file);
}

async function fileNames(folder: vscode.Uri): Promise<string[]> {
  try {
    return (await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name);
  } catch {
    return [];
  }
}
