import * as vscode from 'vscode';
import type { CheckpointView } from '../protocol/checkpoint';
import { hubAddressOf } from '../protocol/hub-address';
import type { DeltalensContext } from './context';

/** A copy of a model of the Hub that an editor shows, and the file of it that is open. */
export interface ShownCopy {
  readonly origin: NonNullable<CheckpointView['origin']>;
  /** Its path in the repository. */
  readonly file: string;
}

/** Asks the Hub about the branches of the copies that editors show, and says which have moved on. */
export async function tellMoved({ client, editors }: DeltalensContext): Promise<void> {
  const asked = new Set<string>();
  for (const { origin, file } of editors.hubCopies) {
    const { repository, commit, revisions } = origin;
    for (const revision of revisions.filter((name) => name !== commit)) {
      const address = hubAddressOf({ repository, revision, file });
      if (asked.has(address)) continue;
      asked.add(address);
      const now = await client.request('deltalens/inspect', { path: address, roots: [] });
      const later = now.ok ? now.value.origin?.commit : undefined;
      if (later !== undefined && later !== commit) void offer(address, commit, later);
    }
  }
}

async function offer(address: string, shown: string, later: string): Promise<void> {
  const open = vscode.l10n.t('Open');
  const message = vscode.l10n.t(
    '{0} is at commit {1} now. The editor shows {2}.',
    address,
    later.slice(0, 7),
    shown.slice(0, 7),
  );
  if ((await vscode.window.showInformationMessage(message, open)) === open)
    await vscode.commands.executeCommand('deltalens.openFromHub', address);
}
