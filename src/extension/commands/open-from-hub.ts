import * as path from 'node:path';
import * as vscode from 'vscode';
import { hubAddressFrom, parseHubAddress } from '../../protocol/hub-address';
import type { Command } from './command';
import { editorFile } from './editor-file';
import { showProblem } from '../show-problem';
import { withProgress } from './with-progress';

/** Opens a model of the Hugging Face Hub in the checkpoint editor: its header is fetched, values when they are looked at. */
export const openFromHub: Command = {
  id: 'deltalens.openFromHub',
  async run(context, given) {
    const text = typeof given === 'string' ? given : await askAddress();
    if (text === undefined) return;
    const address = hubAddressFrom(text);
    const parsed = parseHubAddress(address);
    if (!parsed.ok) return showProblem(parsed.problem);
    const title = vscode.l10n.t('Opening {0}', address);
    const opened = await withProgress(context, title, 'deltalens/inspect', { path: address, roots: [] });
    if (!opened.ok) return showProblem(opened.problem);
    const { files, kind, findings } = opened.value;
    const fromCopy = findings.find(({ code }) => code === 'hub-from-copy');
    if (fromCopy) void tellFromCopy(fromCopy.message, address);
    const first = files[0]?.path;
    if (first === undefined) return;
    const { file } = parsed.value;
    const isSingle = file !== null && !file.endsWith('.json');
    const local = vscode.Uri.file(isSingle ? first : path.dirname(first));
    const uri = await editorFile(local, { adapter: kind === 'adapter', ask: true });
    if (uri) await context.editors.show(uri);
  },
};

/** That the Hub was not asked, where it could not be. */
async function tellFromCopy(message: string, address: string): Promise<void> {
  const again = vscode.l10n.t('Try Again');
  if ((await vscode.window.showWarningMessage(message, again)) === again)
    await vscode.commands.executeCommand('deltalens.openFromHub', address);
}

function askAddress(): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t('Open from Hub'),
    prompt: vscode.l10n.t('Fetches headers now, and tensors when something reads them.'),
    placeHolder: vscode.l10n.t('owner/name, hf://owner/name@revision/file, or the address of its page'),
    ignoreFocusOut: true,
    validateInput: (text) => {
      if (text.trim() === '') return undefined;
      const parsed = parseHubAddress(hubAddressFrom(text));
      return parsed.ok ? undefined : parsed.problem.message;
    },
  });
}
