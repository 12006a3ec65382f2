import * as vscode from 'vscode';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { pickCheckpoint } from './pick-checkpoint';
import { runFirstLens } from './run-first-lens';
import { studyAgainstBase } from './study-of-paths';
import { pathsInFront, pathsOf } from './targets';

/** Shows what training changed in one or several checkpoints or adapters, against their base. */
export const compareWithBase: Command = {
  id: 'deltalens.compareWithBase',
  async run(context, clicked, selected) {
    const given = pathsOf(clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    let paths = given.value.length > 0 ? given.value : pathsInFront(context);
    if (paths.length === 0) {
      const picked = await pickCheckpoint(context, {
        title: vscode.l10n.t('Compare with Base'),
        placeholder: vscode.l10n.t('Which fine-tune or adapter?'),
      });
      if (picked === undefined) return;
      paths = [picked];
    }
    await runFirstLens(context, await studyAgainstBase(context, paths));
  },
};
