import * as vscode from 'vscode';
import type { Problem } from '../protocol/result';
import { isCancelled } from './client';

/** Tells the user what went wrong and what to do; says nothing where the user cancelled. */
export async function showProblem(problem: Problem): Promise<void> {
  if (isCancelled(problem)) return;
  const showLog = vscode.l10n.t('Show Log');
  const setToken = vscode.l10n.t('Set Hub Token…');
  const buttons = problem.code === 'hub-denied' ? [setToken, showLog] : [showLog];
  const chosen = await vscode.window.showErrorMessage(`${problem.message} ${problem.action}`, ...buttons);
  if (chosen === setToken) await vscode.commands.executeCommand('deltalens.setHubToken');
  if (chosen === showLog) await vscode.commands.executeCommand('deltalens.showLog');
}
