import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { entryAt, familyOf } from './entry-at';
import { pickCheckpoint } from './pick-checkpoint';
import { runFirstLens } from './run-first-lens';
import { studyAgainstBase } from './study-of-paths';
import { pathsInFront, pathsOf } from './targets';

/** Shows what training changed in one or several checkpoints or adapters, against their base. */
export const compareWithBase: Command = {
  id: 'deltalens.compareWithBase',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const paths = given.value.length > 0 ? given.value : pathsInFront(context);
    const tasks = await tasksOf(context, paths);
    if (tasks.length === 0) return;
    await runFirstLens(context, await studyAgainstBase(context, tasks));
  },
};

/** What to compare: what is given, unless that is nothing or the base of a family; then the user says which. */
async function tasksOf(context: DeltalensContext, paths: readonly string[]): Promise<readonly string[]> {
  const contents = await context.tree.explore();
  const [only] = paths;
  const entry = only === undefined || paths.length > 1 ? undefined : entryAt(contents, only);
  if (only !== undefined && entry?.kind !== 'base') return paths;
  const picked = await pickCheckpoint(context, {
    title: vscode.l10n.t('Compare with Base'),
    placeholder: vscode.l10n.t('Which fine-tune or adapter?'),
    among: (entry ? familyOf(contents, entry)?.entries : contents.families.flatMap(({ entries }) => entries))
      ?.filter(({ kind }) => kind !== 'base')
      .map(({ path }) => path),
  });
  return picked === undefined ? [] : [picked];
}
