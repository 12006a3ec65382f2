import * as vscode from 'vscode';
import { proposalFor } from '../write-proposal';
import type { Command } from './command';
import { pickRank } from './pick-rank';
import { writeCheckpoint } from './write-checkpoint';
import { baseOf, sourceOf } from './written-from';

/** The largest rank that an energy or an error may lead to. */
const MOST_RANK = 128;

/** Makes a LoRA of what a fine-tune changed. */
export const extractAdapter: Command = {
  id: 'deltalens.extractAdapter',
  async run(context, ...given) {
    const title = vscode.l10n.t('Extract Adapter from Fine-tune');
    const placeholder = vscode.l10n.t('Which fine-tune?');
    const source = await sourceOf(context, given, { title, placeholder }, ['fine-tune', 'checkpoint']);
    if (source === undefined) return;
    const base = await baseOf(context, source);
    if (base === undefined) return;
    const choice = await pickRank(title, MOST_RANK);
    if (!choice) return;
    const saveRest = await pickRest(title);
    if (saveRest === undefined) return;
    const action = { kind: 'extract', base, path: source, choice, dtype: 'keep', saveRest } as const;
    await writeCheckpoint(context, title, action, proposalFor(source, '-lora', 'folder'));
  },
};

async function pickRest(title: string): Promise<boolean | undefined> {
  const items = [
    { label: vscode.l10n.t('Factors only'), save: false },
    { label: vscode.l10n.t('Save norms, embeddings, heads and biases that changed whole, too'), save: true },
  ];
  const placeHolder = vscode.l10n.t('What has no place in factors?');
  return (await vscode.window.showQuickPick(items, { title, placeHolder }))?.save;
}
