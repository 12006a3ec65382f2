import * as vscode from 'vscode';

/** The text of a study file that is open with changes of the user; `null` where what is on disk is what is meant. */
export function studyText(path: string): string | null {
  const { fsPath } = vscode.Uri.file(path);
  const document = vscode.workspace.textDocuments.find(
    ({ uri, isDirty }) => isDirty && uri.scheme === 'file' && uri.fsPath === fsPath,
  );
  return document?.getText() ?? null;
}

/** The change from one text to another that replaces no more than differs. */
export function smallestEdit(
  before: string,
  after: string,
): { readonly start: number; readonly end: number; readonly text: string } {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let same = 0;
  while (same < most - start && before.at(-1 - same) === after.at(-1 - same)) same++;
  return { start, end: before.length - same, text: after.slice(start, after.length - same) };
}
