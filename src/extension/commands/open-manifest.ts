import * as vscode from 'vscode';
import { manifestUri } from '../manifest/manifest-documents';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { editorFile } from './inspect-checkpoint';
import { pickCheckpoint } from './pick-checkpoint';
import { nodesOf, pathsInFront, pathsOf } from './targets';

/** Opens checkpoints and adapters as text, one line a tensor. */
export const openManifest: Command = {
  id: 'deltalens.openManifest',
  async run(context, clicked, selected) {
    const given = pathsOf(clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const [node] = nodesOf(clicked, selected);
    const adapter = node?.kind === 'entry' && node.entry.kind === 'adapter';
    const paths = given.value.length > 0 ? given.value : pathsInFront(context);
    const picked =
      paths.length > 0
        ? paths
        : [
            await pickCheckpoint(context, {
              title: vscode.l10n.t('Open Manifest'),
              placeholder: vscode.l10n.t('Of which checkpoint or adapter?'),
            }),
          ];
    for (const file of picked) {
      if (file === undefined) continue;
      const uri = await editorFile(vscode.Uri.file(file), { adapter, ask: node === undefined });
      if (!uri) continue;
      const document = await vscode.workspace.openTextDocument(manifestUri(uri));
      await vscode.window.showTextDocument(document, { preview: picked.length === 1 });
    }
  },
};
