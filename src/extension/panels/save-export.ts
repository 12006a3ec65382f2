import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExportFormat } from '../../protocol/panel';
import type { RunSpec } from '../../protocol/study';
import { exportName } from './export-name';

/** Asks where to save an export of a result panel and writes it. `data` is text, or base64 for `png`. */
export async function saveExport(run: RunSpec, format: ExportFormat, data: string): Promise<void> {
  const folder =
    vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(path.dirname(studyPlace(run)));
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(folder, exportName(run.study.name, run.lens, format)),
    filters: { [FILTERS[format]]: [format] },
    title: vscode.l10n.t('Export Result'),
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
  if ((await vscode.window.showInformationMessage(saved, open)) === open) {
    await vscode.commands.executeCommand('vscode.open', target);
  }
}

function studyPlace({ study }: RunSpec): string {
  return study.file ?? study.tasks[0]?.path ?? study.base ?? '.';
}

const FILTERS: Readonly<Record<ExportFormat, string>> = {
  svg: 'SVG',
  png: 'PNG',
  csv: 'CSV',
  json: 'JSON',
};
