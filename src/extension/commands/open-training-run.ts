import * as path from 'node:path';
import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { defaultParameters } from '../lens-registry';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { pickCheckpoint } from './pick-checkpoint';
import { pathsOf } from './targets';

const LENS = 'trajectory';

/** Follows the checkpoints in the folder of a training run, and those that are still to come. */
export const openTrainingRun: Command = {
  id: 'deltalens.openTrainingRun',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const folder = given.value[0] ?? (await pickFolder());
    if (folder === undefined) return;
    const base = context.base.path ?? (await pickBase(context, folder));
    if (base === undefined) return;
    const name = path.basename(folder);
    const study = { name, base, tasks: [{ name, path: folder, run: true as const }] };
    const parameters = defaultParameters(await context.lenses.find(LENS));
    context.results.show({ lens: LENS, study, parameters });
  },
};

async function pickFolder(): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      title: vscode.l10n.t('Open Training Run'),
      canSelectFiles: false,
      canSelectFolders: true,
    })) ?? [];
  return uri?.fsPath;
}

async function pickBase(context: DeltalensContext, folder: string): Promise<string | undefined> {
  return pickCheckpoint(context, {
    title: vscode.l10n.t('Open Training Run'),
    placeholder: vscode.l10n.t('Which checkpoint did the training of {0} start from?', path.basename(folder)),
    near: folder,
  });
}
