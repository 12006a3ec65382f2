import * as vscode from 'vscode';
import type { Problem } from '../protocol/result';
import { isCancelled } from './client';

/** Tells the user what went wrong and what to do; says nothing where the user cancelled. */
export async function showProblem(problem: Problem): Promise<void> {
  if (isCancelled(problem)) return;
  const showLog = vscode.l10n.t('Show Log');
  const chosen = await vscode.window.showErrorMessage(`${problem.message} ${problem.action}`, showLog);
  if (chosen === showLog) await vscode.commands.executeCommand('deltalens.showLog');
}
