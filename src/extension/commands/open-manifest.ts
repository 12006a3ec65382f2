import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { manifestUri } from '../manifest/manifest-documents';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { editorFile } from './editor-file';
import { pickCheckpoint } from './pick-checkpoint';
import { nodesOf, pathsInFront, urisOf } from './targets';

/** Opens checkpoints and adapters as text, one line a tensor. */
export const openManifest: Command = {
  id: 'deltalens.openManifest',
  async run(context, clicked, selected) {
    const given = urisOf(context, clicked, selected);
    const [node] = nodesOf(clicked, selected);
    const adapter = node?.kind === 'entry' && node.entry.kind === 'adapter';
    const uris = given.length > 0 ? given : inFront(context);
    const picked = uris.length > 0 ? uris : await pick(context);
    for (const file of picked) {
      const uri = await editorFile(file, { adapter, ask: node === undefined });
      if (!uri) continue;
      const path = await context.copies.localPath(uri);
      if (!path.ok) return showProblem(path.problem);
      const document = await vscode.workspace.openTextDocument(manifestUri(vscode.Uri.file(path.value)));
      await vscode.window.showTextDocument(document, { preview: picked.length === 1 });
    }
  },
};

function inFront(context: DeltalensContext): vscode.Uri[] {
  return pathsInFront(context).map((path) => context.copies.uriOf(path));
}

async function pick(context: DeltalensContext): Promise<vscode.Uri[]> {
  const path = await pickCheckpoint(context, {
    title: vscode.l10n.t('Open Manifest'),
    placeholder: vscode.l10n.t('Of which checkpoint or adapter?'),
  });
  return path === undefined ? [] : [context.copies.uriOf(path)];
}
