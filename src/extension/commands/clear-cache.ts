import * as vscode from 'vscode';
import { showProblem } from '../show-problem';
import type { Command } from './command';

const MIB = 2 ** 20;

/** Forgets all results and copies that are kept on disk, so that every lens computes anew. */
export const clearCache: Command = {
  id: 'deltalens.clearCache',
  async run({ client, copies }) {
    const cleared = await client.request('deltalens/clearCache', {});
    if (!cleared.ok) return showProblem(cleared.problem);
    const size = ((cleared.value.bytes + (await copies.clear())) / MIB).toFixed(1);
    void vscode.window.showInformationMessage(
      vscode.l10n.t('Kept results and copies removed: {0} MiB.', size),
    );
  },
};
