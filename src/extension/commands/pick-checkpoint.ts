import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExplorerEntry } from '../../protocol/explorer';
import type { DeltalensContext } from '../context';
import { describeEntry, isUnreadable } from '../tree/describe';

export interface CheckpointPick {
  readonly title: string;
  readonly placeholder: string;
  /** Offered where given, else everything that the workspace holds. */
  readonly among?: readonly string[] | undefined;
  /** Not offered. */
  readonly except?: readonly string[];
  /** The family of this path comes first. */
  readonly near?: string;
}

interface PathItem extends vscode.QuickPickItem {
  /** Missing on "Browse…". */
  readonly path?: string;
}

/** Lets the user pick a checkpoint or adapter of the workspace, or browse for one. `undefined`: none was picked. */
export async function pickCheckpoint(
  context: DeltalensContext,
  pick: CheckpointPick,
): Promise<string | undefined> {
  const browse: PathItem = { label: vscode.l10n.t('$(folder-opened) Browse…'), alwaysShow: true };
  const separator: PathItem = { label: '', kind: vscode.QuickPickItemKind.Separator };
  const chosen = await vscode.window.showQuickPick<PathItem>(
    itemsOf(context, pick).then((items) => [...items, separator, browse]),
    { title: pick.title, placeHolder: pick.placeholder, matchOnDescription: true, matchOnDetail: true },
  );
  return chosen === browse ? browseFor(pick.title) : chosen?.path;
}

async function itemsOf({ tree, base }: DeltalensContext, pick: CheckpointPick): Promise<PathItem[]> {
  const { families } = await tree.explore();
  const near = (paths: readonly ExplorerEntry[]) => paths.some((entry) => entry.path === pick.near);
  const ordered = [...families].sort((a, b) => Number(near(b.entries)) - Number(near(a.entries)));
  return ordered.flatMap((family): PathItem[] => {
    const entries = family.entries.filter((entry) => isOffered(entry, pick));
    if (entries.length === 0) return [];
    return [
      { label: family.title, kind: vscode.QuickPickItemKind.Separator },
      ...entries.map((entry) => entryItem(entry, entry.path === base.path)),
    ];
  });
}

function isOffered(entry: ExplorerEntry, { among, except }: CheckpointPick): boolean {
  if (isUnreadable(entry) || except?.includes(entry.path)) return false;
  return among === undefined || among.includes(entry.path);
}

function entryItem(entry: ExplorerEntry, selectedBase: boolean): PathItem {
  return {
    label: `$(${entry.kind === 'adapter' ? 'extensions' : 'package'}) ${entry.name}`,
    description: `${selectedBase ? `${vscode.l10n.t('selected as base')} · ` : ''}${describeEntry(entry)}`,
    detail: vscode.workspace.asRelativePath(entry.path),
    path: entry.path,
  };
}

async function browseFor(title: string): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      title,
      canSelectFiles: true,
      canSelectFolders: false,
      filters: {
        [vscode.l10n.t('Checkpoints')]: ['safetensors', 'json'],
        [vscode.l10n.t('All files')]: ['*'],
      },
    })) ?? [];
  if (!uri) return undefined;
  return path.basename(uri.fsPath) === 'adapter_config.json' ? path.dirname(uri.fsPath) : uri.fsPath;
}
