import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Attachment } from '../../protocol/attachment';
import { failure, success, type Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { workspaceRoots } from '../file-uri';
import { showProblem } from '../show-problem';
import { smallestEdit } from '../study-document';

/**
 * Writes a graph and data sets into the file of a study, or into a new one where it has none, and shows panels of the study
 * what it has now. A file with changes of the user stays unsaved.
 */
export async function writeAttachment(
  context: DeltalensContext,
  study: StudySpec,
  attachment: Attachment,
): Promise<void> {
  if (attachment.graph === undefined && attachment.data.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Nothing was attached.'));
    return;
  }
  const file = study.file ?? (await newFile(context, study));
  if (file === undefined) return;
  const written = await (study.file === undefined
    ? create(context, file, study, attachment)
    : change(context, file, study, attachment));
  if (!written.ok) return showProblem(written.problem);
  const text = written.value.getText();
  const read = await context.client.request('deltalens/readStudy', { path: file, text });
  if (!read.ok) return showProblem(read.problem);
  context.results.replaceStudy(study, read.value);
  void tell(written.value, attachment);
}

async function change(
  { client }: DeltalensContext,
  file: string,
  study: StudySpec,
  attachment: Attachment,
): Promise<Result<vscode.TextDocument>> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  const { isDirty, version } = document;
  const before = document.getText();
  const changed = await client.request('deltalens/attach', { path: file, text: before, study, attachment });
  if (!changed.ok) return changed;
  const { start, end, text } = smallestEdit(before, changed.value.text);
  const edit = new vscode.WorkspaceEdit();
  const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
  edit.replace(document.uri, range, text);
  const stale = document.version !== version;
  if (stale || !(await vscode.workspace.applyEdit(edit))) return notWritten(file);
  if (!isDirty) await document.save();
  return success(document);
}

async function create(
  { client }: DeltalensContext,
  file: string,
  study: StudySpec,
  attachment: Attachment,
): Promise<Result<vscode.TextDocument>> {
  const text = await client.request('deltalens/attach', { path: file, text: null, study, attachment });
  if (!text.ok) return text;
  const uri = vscode.Uri.file(file);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text.value.text));
  return success(await vscode.workspace.openTextDocument(uri));
}

/** A study of a selection has no file yet. */
async function newFile({ copies }: DeltalensContext, { name, base }: StudySpec): Promise<string | undefined> {
  const folder = workspaceRoots()[0] ?? path.dirname(base ?? '.');
  const safe = name.replace(/[^\w.-]+/g, '-').slice(0, 60);
  const uri = await vscode.window.showSaveDialog({
    title: vscode.l10n.t('Save the Study with Its Graph and Data'),
    defaultUri: vscode.Uri.file(copies.placeToWrite(path.join(folder, `${safe}.study.yaml`))),
    filters: { [vscode.l10n.t('Studies')]: ['study.yaml'] },
  });
  return uri?.fsPath;
}

function notWritten(file: string): Result<never> {
  return failure({
    code: 'study-not-written',
    message: vscode.l10n.t('{0} was changed meanwhile, so nothing was written into it.', file),
    action: vscode.l10n.t('Attach graph and data again.'),
    path: file,
  });
}

async function tell(document: vscode.TextDocument, { graph, data }: Attachment): Promise<void> {
  const what = [...(graph === undefined ? [] : [path.basename(graph)]), ...data.map(({ name }) => name)].join(
    ', ',
  );
  const name = path.basename(document.uri.fsPath);
  const show = vscode.l10n.t('Show Study File');
  const message = document.isDirty
    ? vscode.l10n.t('Attached to {0}, which is not saved yet: {1}.', name, what)
    : vscode.l10n.t('Attached to {0}: {1}.', name, what);
  const chosen = await vscode.window.showInformationMessage(message, show);
  if (chosen === show) await vscode.window.showTextDocument(document);
}
