import * as vscode from 'vscode';
import type { DeltalensContext } from '../context';
import { showProblem } from '../show-problem';
import type { Command } from './command';
import { pickCheckpoint } from './pick-checkpoint';
import { pathsInFront, pathsOf } from './targets';

/** Shows how to export a checkpoint as ONNX, ready to be copied. */
export const showExportCommand: Command = {
  id: 'deltalens.showExportCommand',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const [path] = [
      ...given.value,
      ...[context.results.active?.study.base ?? (await baseOfEditedStudy(context))].flatMap(
        (base) => base ?? [],
      ),
      ...pathsInFront(context),
    ];
    const base = path ?? (await pickModel(context));
    if (base !== undefined) await offerExportCommand(context, base);
  },
};

/** Shows the export command of the checkpoint at `path` with a button that copies it; `why` is said before. */
export async function offerExportCommand(
  { client }: DeltalensContext,
  path: string,
  why?: string,
): Promise<void> {
  const found = await client.request('deltalens/exportCommand', { path });
  if (!found.ok) return showProblem(found.problem);
  const { text, note } = found.value;
  const copy = vscode.l10n.t('Copy');
  const detail = `${text}\n\n${note}`;
  const said = why ?? vscode.l10n.t('Export as ONNX:');
  const chosen = await vscode.window.showInformationMessage(said, { modal: true, detail }, copy);
  if (chosen !== copy) return;
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(vscode.l10n.t('$(check) Export command copied'), 5000);
}

/** The base of the study in the text editor in front. */
async function baseOfEditedStudy({ client }: DeltalensContext): Promise<string | undefined> {
  const { document } = vscode.window.activeTextEditor ?? {};
  if (document?.uri.scheme !== 'file' || !/\.study\.ya?ml$/i.test(document.uri.fsPath)) return undefined;
  const path = document.uri.fsPath;
  const study = await client.request('deltalens/readStudy', { path, text: document.getText() });
  return study.ok ? study.value.base : undefined;
}

async function pickModel(context: DeltalensContext): Promise<string | undefined> {
  const { families } = await context.tree.explore();
  const whole = families
    .flatMap(({ entries }) => entries)
    .filter(({ kind }) => kind === 'base' || kind === 'checkpoint');
  const [only, ...others] = whole;
  if (only && others.length === 0) return only.path;
  return pickCheckpoint(context, {
    title: vscode.l10n.t('Show ONNX Export Command'),
    placeholder: vscode.l10n.t('Which model is to be exported?'),
    among: whole.map(({ path }) => path),
  });
}
