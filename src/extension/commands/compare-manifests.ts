import * as path from 'node:path';
import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { manifestUri } from '../manifest/manifest-documents';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { editorFile } from './editor-file';
import { pickCheckpoint } from './pick-checkpoint';
import { pathsInFront, pathsOf } from './targets';

/** Shows in the diff editor which tensors two checkpoints do not share, and which have another shape or dtype. */
export const compareManifests: Command = {
  id: 'deltalens.compareManifests',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const paths = given.value.length > 0 ? given.value : pathsInFront(context);
    if (paths.length > 2) {
      const message = vscode.l10n.t('Select two checkpoints, then compare their manifests.');
      void vscode.window.showInformationMessage(message);
      return;
    }
    const first = paths[0] ?? (await pick(context, vscode.l10n.t('Which checkpoint stands on the left?')));
    if (first === undefined) return;
    const second =
      paths[1] ??
      (await pick(context, vscode.l10n.t('Compare {0} with which?', path.basename(first)), first));
    if (second === undefined) return;
    const ask = { adapter: false, ask: true };
    const left = await editorFile(vscode.Uri.file(first), ask);
    const right = left && (await editorFile(vscode.Uri.file(second), ask));
    if (right) await showDifference(left, right);
  },
};

function pick(context: DeltalensContext, placeholder: string, other?: string): Promise<string | undefined> {
  return pickCheckpoint(context, {
    title: vscode.l10n.t('Compare Manifests'),
    placeholder,
    ...(other === undefined ? {} : { near: other, except: [other] }),
  });
}

async function showDifference(left: vscode.Uri, right: vscode.Uri): Promise<void> {
  const [before, after] = shortNames(left, right);
  const title = vscode.l10n.t('{0} ↔ {1} (manifests)', before, after);
  await vscode.commands.executeCommand(
    'vscode.diff',
    manifestUri(left, right),
    manifestUri(right, left),
    title,
  );
}

/** The names of the files where they differ, else with their folders. */
function shortNames(left: vscode.Uri, right: vscode.Uri): readonly [string, string] {
  const name = ({ path: file }: vscode.Uri) => path.posix.basename(file);
  const withFolder = (uri: vscode.Uri) =>
    path.posix.join(path.posix.basename(path.posix.dirname(uri.path)), name(uri));
  return name(left) === name(right) ? [withFolder(left), withFolder(right)] : [name(left), name(right)];
}
