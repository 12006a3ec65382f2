import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExplorerEntry } from '../../protocol/explorer';
import type { DeltalensContext } from '../context';
import { shortPath, type VirtualFolder } from '../tree/virtual-folder';
import { showProblem } from '../show-problem';
import { describeEntry, isUnreadable } from '../tree/describe';
import { readablePath } from './targets';

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
  /** Of a file without a path. */
  readonly uri?: vscode.Uri;
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
  if (chosen === browse) return browseFor(context, pick.title);
  return chosen?.uri ? pathAt(context, chosen.uri) : chosen?.path;
}

async function itemsOf({ tree, base }: DeltalensContext, pick: CheckpointPick): Promise<PathItem[]> {
  const { families } = await tree.explore();
  const near = (paths: readonly ExplorerEntry[]) => paths.some((entry) => entry.path === pick.near);
  const ordered = [...families].sort((a, b) => Number(near(b.entries)) - Number(near(a.entries)));
  const listed = ordered.flatMap((family): PathItem[] => {
    const entries = family.entries.filter((entry) => isOffered(entry, pick));
    if (entries.length === 0) return [];
    return [
      { label: family.title, kind: vscode.QuickPickItemKind.Separator },
      ...entries.map((entry) => entryItem(entry, entry.path === base.path)),
    ];
  });
  if (pick.among) return listed;
  return [...listed, ...(await tree.virtualFolders()).flatMap(virtualItems)];
}

function virtualItems({ name, files }: VirtualFolder): PathItem[] {
  if (files.length === 0) return [];
  return [
    { label: vscode.l10n.t('{0} (not copied yet)', name), kind: vscode.QuickPickItemKind.Separator },
    ...files.map((uri) => ({ label: `$(cloud) ${shortPath(uri)}`, description: uri.toString(true), uri })),
  ];
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

async function browseFor(context: DeltalensContext, title: string): Promise<string | undefined> {
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
  if (uri.scheme !== 'file') return pathAt(context, uri);
  return path.basename(uri.fsPath) === 'adapter_config.json' ? path.dirname(uri.fsPath) : uri.fsPath;
}

/** The path of what has none, once it is copied. */
async function pathAt(context: DeltalensContext, uri: vscode.Uri): Promise<string | undefined> {
  const copy = await readablePath(context, uri);
  if (!copy.ok) await showProblem(copy.problem);
  return copy.ok ? copy.value : undefined;
}
