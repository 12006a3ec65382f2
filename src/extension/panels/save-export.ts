import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExportFormat, FromResultPanel } from '../../protocol/panel';
import type { StudySpec } from '../../protocol/study';
import { exportName } from './export-name';

/** Asks where to save an export of a study panel and writes it. */
export async function saveExport(
  study: StudySpec,
  { format, data, lens }: Extract<FromResultPanel, { type: 'exported' }>,
): Promise<void> {
  const folder =
    vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(path.dirname(studyPlace(study)));
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(folder, exportName(study.name, lens ?? 'report', format)),
    filters: { [FILTERS[format]]: [format] },
    title: lens === undefined ? vscode.l10n.t('Export Report') : vscode.l10n.t('Export Result'),
  });
  if (!target) return;
  const bytes = format === 'png' ? Buffer.from(data, 'base64') : Buffer.from(data, 'utf8');
  try {
    await vscode.workspace.fs.writeFile(target, bytes);
  } catch (error) {
    void vscode.window.showErrorMessage(
      vscode.l10n.t(
        '{0} could not be written: {1}',
        target.fsPath,
        error instanceof Error ? error.message : String(error),
      ),
    );
    return;
  }
  const open = vscode.l10n.t('Open');
  const saved = vscode.l10n.t('Saved {0}.', vscode.workspace.asRelativePath(target));
  if ((await vscode.window.showInformationMessage(saved, open)) !== open) return;
  // A report is for a browser; the editor would show its source.
  if (format === 'html' && vscode.env.uiKind === vscode.UIKind.Desktop) await vscode.env.openExternal(target);
  else await vscode.commands.executeCommand('vscode.open', target);
}

function studyPlace({ file, tasks, base }: StudySpec): string {
  return file ?? tasks[0]?.path ?? base ?? '.';
}

const FILTERS: Readonly<Record<ExportFormat, string>> = {
  svg: 'SVG',
  png: 'PNG',
  csv: 'CSV',
  json: 'JSON',
  html: 'HTML',
};
