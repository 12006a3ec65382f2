import * as vscode from 'vscode';
import { proposalFor } from '../write-proposal';
import type { Command } from './command';
import { pickRank } from './pick-rank';
import { writeCheckpoint } from './write-checkpoint';
import { sourceOf } from './written-from';

/** Lowers the rank of an adapter, module by module. */
export const resizeRank: Command = {
  id: 'deltalens.resizeRank',
  async run(context, ...given) {
    const title = vscode.l10n.t('Resize Rank');
    const placeholder = vscode.l10n.t('Which adapter?');
    const adapter = await sourceOf(context, given, { title, placeholder }, ['adapter']);
    if (adapter === undefined) return;
    const choice = await pickRank(title, null);
    if (!choice) return;
    const base = context.base.path ?? null;
    const action = { kind: 'resize', path: adapter, base, choice, dtype: 'keep' } as const;
    await writeCheckpoint(context, title, action, proposalFor(adapter, '-resized', 'folder'));
  },
};
