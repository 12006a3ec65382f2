import * as vscode from 'vscode';
import type { Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { studyWithoutAsking } from './study-of-paths';

interface StudyItem extends vscode.QuickPickItem {
  readonly open?: () => Promise<Result<StudySpec>>;
}

/** Reads a `*.study.yaml`. */
export function readStudy({ client }: DeltalensContext, path: string): Promise<Result<StudySpec>> {
  return client.request('deltalens/readStudy', { path });
}

/** Lets the user pick a study file, or a family as a study made on the fly. `undefined`: none was picked. */
export async function pickStudy(
  context: DeltalensContext,
  only?: 'files',
): Promise<Result<StudySpec> | undefined> {
  const chosen = await vscode.window.showQuickPick(studyItems(context, only), {
    title: vscode.l10n.t('Open Study'),
    placeHolder: vscode.l10n.t('Which study?'),
    matchOnDescription: true,
  });
  return chosen?.open?.();
}

async function studyItems(context: DeltalensContext, only?: 'files'): Promise<StudyItem[]> {
  const { studies, families } = await context.tree.exploreAgain();
  const files = studies.map((study) => ({
    label: `$(graph) ${study.name}`,
    description: vscode.workspace.asRelativePath(study.path),
    open: () => readStudy(context, study.path),
  }));
  if (only === 'files') return files;
  const made = families.map((family) => ({
    label: `$(type-hierarchy) ${family.title}`,
    description: family.entries.map((entry) => entry.name).join(', '),
    open: () =>
      studyWithoutAsking(
        context,
        family.entries.map((entry) => entry.path),
      ),
  }));
  return [...files, ...made];
}
