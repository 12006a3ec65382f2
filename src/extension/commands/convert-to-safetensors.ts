import * as vscode from 'vscode';
import type { ConvertAction } from '../../protocol/write';
import type { DeltalensContext } from '../context';
import { isWeightFile, proposalFor } from '../write-proposal';
import type { Command } from './command';
import { writeCheckpoint } from './write-checkpoint';
import { sourceOf } from './written-from';

const KINDS = ['base', 'fine-tune', 'checkpoint', 'adapter'] as const;

/** Writes a checkpoint of any container as safetensors. */
export const convertToSafetensors: Command = {
  id: 'deltalens.convertToSafetensors',
  run: (context, ...given) => convert(context, given, 'keep', vscode.l10n.t('Convert to Safetensors')),
};

/** Writes a checkpoint again without its metadata. */
export const stripMetadata: Command = {
  id: 'deltalens.stripMetadata',
  run: (context, ...given) => convert(context, given, 'strip', vscode.l10n.t('Strip Metadata')),
};

async function convert(
  context: DeltalensContext,
  given: readonly unknown[],
  metadata: ConvertAction['metadata'],
  title: string,
): Promise<void> {
  const placeholder = vscode.l10n.t('Which checkpoint or adapter?');
  const source = await sourceOf(context, given, { title, placeholder }, KINDS);
  if (source === undefined) return;
  const isFile = isWeightFile(source);
  const suffix =
    metadata === 'strip' ? '-stripped' : source.endsWith('.safetensors') || !isFile ? '-safetensors' : '';
  const action: ConvertAction = {
    kind: 'convert',
    path: source,
    metadata,
    tied: 'once',
    mostShardBytes: 5e9,
  };
  await writeCheckpoint(context, title, action, proposalFor(source, suffix, isFile ? 'file' : 'folder'));
}
