import * as path from 'node:path';
import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { mainFiles } from '../panels/main-file';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { pickCheckpoint } from './pick-checkpoint';
import { nodesOf, pathsOf } from './targets';
import { isCheckpointFilePath } from '../../protocol/checkpoint-names';

/** Opens checkpoints and adapters in their editor; a tensor of the tree is selected there. */
export const inspectCheckpoint: Command = {
  id: 'deltalens.inspect',
  async run(context, clicked, selected, tensor) {
    const paths = pathsOf(clicked, selected);
    if (!paths.ok) return showProblem(paths.problem);
    const [node] = nodesOf(clicked, selected);
    const adapter = node?.kind === 'entry' && node.entry.kind === 'adapter';
    const picked = paths.value.length > 0 ? paths.value : await pick(context);
    for (const file of picked) {
      const uri = await editorFile(vscode.Uri.file(file), { adapter, ask: node === undefined });
      if (uri) await context.editors.show(uri, typeof tensor === 'string' ? tensor : undefined);
    }
  },
};

async function pick(context: DeltalensContext): Promise<string[]> {
  const path = await pickCheckpoint(context, {
    title: vscode.l10n.t('Inspect Checkpoint'),
    placeholder: vscode.l10n.t('Which checkpoint or adapter?'),
  });
  return path === undefined ? [] : [path];
}

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
    const message = vscode.l10n.t('{0} holds no checkpoint that Deltalens can open.', folder.fsPath);
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
