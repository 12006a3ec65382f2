import * as vscode from 'vscode';
import { WRITTEN_LAYOUTS } from '../../protocol/write';
import { proposalFor } from '../write-proposal';
import type { Command } from './command';
import { writeCheckpoint } from './write-checkpoint';
import { sourceOf } from './written-from';

const TITLES = {
  peft: 'PEFT',
  kohya: 'kohya (sd-scripts, A1111)',
  diffusers: 'diffusers',
  mlx: 'MLX',
} as const;

/** Writes a LoRA under the names of another library. */
export const convertLayout: Command = {
  id: 'deltalens.convertLayout',
  async run(context, ...given) {
    const title = vscode.l10n.t('Convert Layout');
    const placeholder = vscode.l10n.t('Which adapter?');
    const adapter = await sourceOf(context, given, { title, placeholder }, ['adapter']);
    if (adapter === undefined) return;
    const items = WRITTEN_LAYOUTS.map((layout) => ({ label: TITLES[layout], layout }));
    const placeHolder = vscode.l10n.t('In whose names?');
    const picked = await vscode.window.showQuickPick(items, { title, placeHolder });
    if (!picked) return;
    const { layout } = picked;
    const kind = layout === 'kohya' || layout === 'diffusers' ? 'file' : 'folder';
    const action = { kind: 'layout', path: adapter, base: context.base.path ?? null, layout } as const;
    await writeCheckpoint(context, title, action, proposalFor(adapter, `-${layout}`, kind));
  },
};
