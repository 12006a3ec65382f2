import * as path from 'node:path';
import * as vscode from 'vscode';
import { readStudy } from './commands/pick-study';
import { runFirstLens } from './commands/run-first-lens';
import type { DeltalensContext } from './context';
import { StudyPanels } from './panels/study-panels';

/**
 * Opens the study that the setting `deltalens.openStudyOnStartup` of a workspace folder names, unless the window
 * brings its result panels along from before a reload.
 */
export async function openStudyOnStartup(context: DeltalensContext): Promise<void> {
  if (!StudyPanels.hadAny()) return openStudy(context);
  const { results } = context;
  const unreadable = results.onUnreadable(() => {
    unreadable.dispose();
    if (results.isEmpty) void openStudy(context);
  });
}

async function openStudy(context: DeltalensContext): Promise<void> {
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const name = vscode.workspace
      .getConfiguration('deltalens', folder.uri)
      .get('openStudyOnStartup', '')
      .trim();
    if (name === '' || folder.uri.scheme !== 'file') continue;
    const file = path.resolve(folder.uri.fsPath, name);
    if (isInside(folder.uri.fsPath, file)) return runFirstLens(context, await readStudy(context, file));
    context.log.warn(`deltalens.openStudyOnStartup names ${file}, which is not inside ${folder.uri.fsPath}.`);
  }
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}
