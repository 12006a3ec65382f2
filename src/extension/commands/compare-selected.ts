import * as vscode from 'vscode';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { runFirstLens } from './run-first-lens';
import { studyOfSelection } from './study-of-paths';
import { pathsInFront, pathsOf } from './targets';

/** Compares two or more selected files, folders or tree items with the base among them. */
export const compareSelected: Command = {
  id: 'deltalens.compareSelected',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const paths = given.value.length > 0 ? given.value : pathsInFront(context);
    if (paths.length < 2) {
      const message = vscode.l10n.t('Select a base and at least one fine-tune or adapter, then compare.');
      void vscode.window.showInformationMessage(message);
      return;
    }
    await runFirstLens(context, await studyOfSelection(context, paths));
  },
};
