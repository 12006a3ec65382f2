import * as vscode from 'vscode';
import type { ExportFormat } from '../../protocol/panel';
import type { Command } from './command';

interface FormatItem extends vscode.QuickPickItem {
  readonly format: ExportFormat;
}

/** Saves the card in use as a picture, a table or the whole result, or all cards as a report. */
export const exportResult: Command = {
  id: 'deltalens.exportResult',
  async run({ results }) {
    const panel = results.active;
    if (!panel) return;
    if (!panel.hasResult) {
      void vscode.window.showInformationMessage(vscode.l10n.t('There is no result to export yet.'));
      return;
    }
    const chosen = await vscode.window.showQuickPick(formats(), { title: vscode.l10n.t('Export Result') });
    if (chosen) panel.export(chosen.format);
  },
};

function formats(): FormatItem[] {
  return [
    {
      label: 'HTML',
      detail: vscode.l10n.t('A report of the whole panel that opens in any browser'),
      format: 'html',
    },
    { label: 'SVG', detail: vscode.l10n.t('The figure as it is shown, to scale and to edit'), format: 'svg' },
    { label: 'PNG', detail: vscode.l10n.t('The figure as it is shown, as pixels'), format: 'png' },
    { label: 'CSV', detail: vscode.l10n.t('The numbers as a table'), format: 'csv' },
    { label: 'JSON', detail: vscode.l10n.t('Everything, as the command line prints it'), format: 'json' },
  ];
}
