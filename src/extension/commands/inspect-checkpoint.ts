import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import type { Command } from './command';
import { editorFile } from './editor-file';
import { pickCheckpoint } from './pick-checkpoint';
import { nodesOf, urisOf } from './targets';

/** Opens checkpoints and adapters in their editor; a tensor of the tree is selected there. */
export const inspectCheckpoint: Command = {
  id: 'deltalens.inspect',
  async run(context, clicked, selected, tensor) {
    const given = urisOf(context, clicked, selected);
    const [node] = nodesOf(clicked, selected);
    const adapter = node?.kind === 'entry' && node.entry.kind === 'adapter';
    const picked = given.length > 0 ? given : await pick(context);
    for (const file of picked) {
      const uri = await editorFile(file, { adapter, ask: node === undefined });
      if (uri) await context.editors.show(uri, typeof tensor === 'string' ? tensor : undefined);
    }
  },
};

async function pick(context: DeltalensContext): Promise<vscode.Uri[]> {
  const path = await pickCheckpoint(context, {
    title: vscode.l10n.t('Inspect Checkpoint'),
    placeholder: vscode.l10n.t('Which checkpoint or adapter?'),
  });
  return path === undefined ? [] : [context.copies.uriOf(path)];
}
