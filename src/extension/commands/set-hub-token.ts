import * as vscode from 'vscode';
import type { Command } from './command';

/** Keeps a token for the Hugging Face Hub in the secrets of VS Code, or forgets it; the server is started anew with it. */
export const setHubToken: Command = {
  id: 'deltalens.setHubToken',
  async run({ client, tree }) {
    const token = await vscode.window.showInputBox({
      title: vscode.l10n.t('Set Hub Token'),
      prompt: vscode.l10n.t(
        'A token that may read, for gated and private models. It is kept in the secrets of VS Code and sent to the Hub alone. Empty: use HF_TOKEN or that of huggingface-cli.',
      ),
      password: true,
      ignoreFocusOut: true,
      validateInput: (text) =>
        /^[\x21-\x7e]*$/.test(text.trim()) ? undefined : vscode.l10n.t('A token has no spaces.'),
    });
    if (token === undefined) return;
    await client.setHubToken(token.trim() === '' ? null : token.trim());
    tree.refresh();
  },
};
