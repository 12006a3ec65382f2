import * as vscode from 'vscode';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { entryAt } from './entry-at';
import { pickCheckpoint } from './pick-checkpoint';
import { pathsInFront, pathsOf } from './targets';

/** Remembers a checkpoint as the base of later comparisons in this workspace. */
export const selectAsBase: Command = {
  id: 'deltalens.selectAsBase',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const base =
      given.value[0] ??
      pathsInFront(context)[0] ??
      (await pickCheckpoint(context, {
        title: vscode.l10n.t('Select as Base'),
        placeholder: vscode.l10n.t('Which checkpoint were the others made from?'),
      }));
    if (base === undefined) return;
    await context.base.select(entryAt(await context.tree.explore(), base)?.path ?? base);
  },
};
