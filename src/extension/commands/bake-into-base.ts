import * as vscode from 'vscode';
import { proposalFor } from '../write-proposal';
import type { Command } from './command';
import { writeCheckpoint } from './write-checkpoint';
import { baseOf, sourceOf } from './written-from';

/** Adds an adapter to its base. */
export const bakeIntoBase: Command = {
  id: 'deltalens.bakeIntoBase',
  async run(context, ...given) {
    const title = vscode.l10n.t('Bake into Base');
    const placeholder = vscode.l10n.t('Which adapter?');
    const adapter = await sourceOf(context, given, { title, placeholder }, ['adapter']);
    if (adapter === undefined) return;
    const base = await baseOf(context, adapter);
    if (base === undefined) return;
    const action = { kind: 'bake', base, adapter, weight: 1, mostShardBytes: 5e9 } as const;
    await writeCheckpoint(context, title, action, proposalFor(adapter, '-baked', 'folder'));
  },
};
