import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Result } from '../../protocol/result';
import type { WriteAction, WriteReport, WriteSpec } from '../../protocol/write';
import type { DeltalensContext } from '../context';
import { showProblem } from '../show-problem';
import type { Proposal } from '../write-proposal';
import { reportDetail, reportMarkdown } from '../write-report';

/**
 * Asks where to write, computes everything without writing, shows what would come of it, and writes when the user says so; then
 * opens what was written. Nothing is left behind when it is broken off.
 */
export async function writeCheckpoint(
  context: DeltalensContext,
  title: string,
  action: WriteAction,
  proposal: Proposal,
): Promise<void> {
  const output = await askTarget(context, title, proposal);
  if (output === undefined) return;
  const checking = vscode.l10n.t('{0}: computing, nothing is written yet', title);
  const dry = await writeWithProgress(context, checking, { action, output, dryRun: true });
  if (!dry.ok) return showProblem(dry.problem);
  if (!(await confirm(title, dry.value))) return;
  const done = await writeWithProgress(context, title, { action, output, dryRun: false });
  if (!done.ok) return showProblem(done.problem);
  const name = path.basename(output);
  vscode.window.setStatusBarMessage(vscode.l10n.t('$(check) {0} was written', name), 5000);
  await context.editors.show(vscode.Uri.file(done.value.opens));
}

async function askTarget(
  { copies }: DeltalensContext,
  title: string,
  { path: proposed, kind }: Proposal,
): Promise<string | undefined> {
  const uri = await vscode.window.showSaveDialog({
    title,
    saveLabel: kind === 'file' ? vscode.l10n.t('Choose File') : vscode.l10n.t('Choose New Folder'),
    defaultUri: vscode.Uri.file(copies.placeToWrite(proposed)),
    ...(kind === 'file' ? { filters: { safetensors: ['safetensors'] } } : {}),
  });
  return uri?.fsPath;
}

let jobs = 0;

/** Asks the server to write, with how far it is; the user can break it off. */
function writeWithProgress(
  { client }: DeltalensContext,
  title: string,
  write: WriteSpec,
): Promise<Result<WriteReport>> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return Promise.resolve(
    vscode.window.withProgress(options, async (progress, token) => {
      const job = `write ${String(++jobs)}`;
      let shown = 0;
      const listening = client.on('deltalens/progress', (sent) => {
        if (sent.job !== job) return;
        progress.report({ message: sent.message, increment: Math.max(0, 100 * sent.fraction - shown) });
        shown = Math.max(shown, 100 * sent.fraction);
      });
      try {
        return await client.request('deltalens/write', { write, job }, token);
      } finally {
        listening.dispose();
      }
    }),
  );
}

/** Shows what would be written; the whole report opens as a document. */
async function confirm(title: string, report: WriteReport): Promise<boolean> {
  const write = vscode.l10n.t('Write');
  const show = vscode.l10n.t('Show Report');
  const detail = reportDetail(report);
  const chosen = await vscode.window.showInformationMessage(title, { modal: true, detail }, write, show);
  if (chosen !== show) return chosen === write;
  const content = reportMarkdown(title, report);
  const document = await vscode.workspace.openTextDocument({ language: 'markdown', content });
  await vscode.window.showTextDocument(document);
  const question = vscode.l10n.t('{0} Write it?', report.summary);
  return (await vscode.window.showInformationMessage(question, write)) === write;
}
